#include "calibration/run_table.h"

#include <algorithm>

#include "calibration/guidellm_runs.h"
#include "calibration/max_throughput_runs.h"
#include "calibration/readers/aiperf_summary.h"
#include "calibration/readers/format.h"
#include "calibration/readers/log_folder.h"
#include "calibration/readers/own_table.h"
#include "calibration/request_log.h"
#include "calibration/serving_runs.h"
#include "core/line_source.h"

namespace eph::calibration {
namespace {

// More faults than this say nothing new about a file.
constexpr std::size_t kMostFaults = 10;

std::string known_formats() {
  std::string out = "known are our runs, serving, GuideLLM sweep and maximum throughput tables";
  for (const RunFormat& format : run_formats())
    out += fmt::format("; {} ({})", format.name, format.signature);
  return out + "; aiperf csv (Metric,avg,...); folders with meta.json and requests.jsonl";
}

const RunFormat* format_of(const Json& record) {
  const auto all = run_formats();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const RunFormat& f) { return f.matches(record); });
  return found == all.end() ? nullptr : &*found;
}

Error first_faults(const Diagnostics& faults) {
  if (faults.errors().size() <= kMostFaults) return faults.combined();
  Diagnostics some;
  for (std::size_t i = 0; i < kMostFaults; ++i) some.add(faults.errors()[i]);
  Error error = some.combined();
  error.what +=
      fmt::format("\nand {} more faults of this file", faults.errors().size() - kMostFaults);
  return error;
}

Result<std::vector<MeasuredRun>> read_with_format(const RecordFile& file) {
  if (file.records.empty())
    return row_error(file.path, 1, "no records", "give a file with results");
  const RunFormat* format = format_of(file.records.front());
  if (format == nullptr) {
    return row_error(file.path, file.records.front().line(),
                     "the keys fit no known format of measured runs", known_formats());
  }
  for (const Json& record : file.records) {
    const RunFormat* other = format_of(record);
    if (other == nullptr || other->read == format->read) continue;
    return row_error(file.path, record.line(),
                     fmt::format("a record of {} among records of {}", other->name, format->name),
                     "give each format its own file");
  }
  ReadRuns out;
  format->read(file, out);
  if (!out.faults.ok()) return first_faults(out.faults);
  if (out.runs.empty()) {
    return row_error(file.path, file.records.front().line(),
                     fmt::format("no results of {}", format->name), "give a file with results");
  }
  return std::move(out.runs);
}

Result<std::vector<MeasuredRun>> read_foreign(const std::string& path, std::string_view text) {
  if (is_aiperf_csv(text)) {
    ReadRuns out;
    read_aiperf_csv(path, text, out);
    if (!out.faults.ok()) return first_faults(out.faults);
    return std::move(out.runs);
  }
  const auto file = read_records(path, text);
  if (!file) return file.error();
  return read_with_format(*file);
}

// A table of runs has more columns than one, so text of another kind shows in its first line.
bool looks_like_table(std::string_view text) {
  return text.substr(0, text.find('\n')).find(',') != std::string_view::npos;
}

// What the tools do when nothing else is asked of them.
void use_default_layout(MeasuredRun& run) {
  models::Parallelism& layout = run.layout;
  for (int* degree : {&layout.pipeline, &layout.expert, &layout.attention_data}) {
    *degree = std::max(1, *degree);
  }
}

// A file with some complete runs keeps the others, with what they lack as their status; one without
// any is an error that says what to add.
Result<void> require_facts(const std::string& path, std::vector<MeasuredRun>& runs) {
  Result<void> first;
  std::size_t complete = 0;
  for (MeasuredRun& run : runs) {
    auto ok = check_complete(path, run);
    if (ok) {
      ++complete;
      continue;
    }
    run.problem = ok.error().remedy;
    if (first) first = std::move(ok);
  }
  return complete > 0 ? Result<void>() : first;
}

Result<RunTable> finish(const std::string& path, std::vector<MeasuredRun> runs,
                        const RunFacts& facts, bool incomplete) {
  RunTable out;
  for (MeasuredRun& run : runs) {
    run.row = out.runs.size();
    if (auto ok = apply_facts(facts, path, run); !ok) return ok.error();
    if (run.engine_is_client) add_note(run, "engine: as the client's backend");
    if (!incomplete) use_default_layout(run);
    out.runs.push_back(std::move(run));
  }
  if (!incomplete) {
    if (auto ok = require_facts(path, out.runs); !ok) return ok.error();
  }
  out.table = write_own_table(path, out.runs);
  out.figures = figures_in(out.runs);
  return out;
}

// Rows of our tables are kept when they lack something: their status says what.
Result<RunTable> with_facts(Result<RunTable> table, const RunFacts& facts) {
  if (!table || !facts.any()) return table;
  const std::string path = table->table.path();
  for (MeasuredRun& run : table->runs) {
    if (auto ok = apply_facts(facts, path, run); !ok) return ok.error();
    if (run.problem.empty()) continue;
    run.problem.clear();
    const auto missing = missing_facts(run);
    if (!missing.empty()) run.problem = "the row does not say it all; add " + missing.front();
  }
  return table;
}

Result<RunTable> read_table(const std::string& path, const RunFacts& facts, bool incomplete) {
  auto table = CsvTable::load(path);
  if (!table) return table.error();
  if (is_serving_runs(*table)) return with_facts(read_serving_runs(std::move(*table)), facts);
  if (is_guidellm_runs(*table)) return with_facts(read_guidellm_runs(std::move(*table)), facts);
  if (is_max_throughput_runs(*table))
    return with_facts(read_max_throughput_runs(std::move(*table)), facts);
  if (is_own_table(*table)) {
    auto own = read_own_table(std::move(*table));
    if (!own) return own.error();
    auto done = finish(path, std::move(own->runs), facts, incomplete);
    if (!done) return done.error();
    done->table = std::move(own->table);  // its own text, which may have more columns
    done->figures = std::move(own->figures);
    return done;
  }
  const RecordFile file = records_of(*table);
  if (file.records.empty() || format_of(file.records.front()) == nullptr) {
    return row_error(path, 1, "the header fits no known table of measured runs", known_formats());
  }
  auto runs = read_with_format(file);
  if (!runs) return runs.error();
  return finish(path, std::move(*runs), facts, incomplete);
}

}  // namespace

Result<RunTable> load_runs(const std::string& path, const RunFacts& facts, bool incomplete) {
  if (is_request_log(path)) {
    auto run = read_log_folder(path);
    if (!run) return run.error();
    return finish(path, {std::move(*run)}, facts, incomplete);
  }
  const auto text = read_file(path);
  if (!text) return text.error();
  if (!looks_like_json(*text) && !is_aiperf_csv(*text)) {
    if (!looks_like_table(*text)) {
      return row_error(path, 1, "neither JSON nor a table with a header line", known_formats());
    }
    return read_table(path, facts, incomplete);
  }
  auto runs = read_foreign(path, *text);
  if (!runs) return runs.error();
  return finish(path, std::move(*runs), facts, incomplete);
}

}  // namespace eph::calibration
