#include "calibration/readers/own_table.h"

#include <algorithm>
#include <array>

#include "calibration/readers/format.h"
#include "calibration/row_cells.h"
#include "core/stats.h"
#include "core/text.h"

namespace eph::calibration {
namespace {

std::string whole(std::int64_t value) { return value == 0 ? "" : fmt::format("{}", value); }
std::string real(double value) { return value == 0 ? "" : number(value); }

// More fail the check of the layout just the same, and an int holds this.
constexpr std::int64_t kMostRanks = 1'000'000;

// One column: how it is written and how it is read back. 0 and empty texts are empty cells.
struct Column {
  std::string_view name;
  std::string (*write)(const MeasuredRun& run);
  void (*read)(RowCells& cells, std::string_view name, MeasuredRun& run);
};

template <auto Member>
Column text_column(std::string_view name) {
  return {name, [](const MeasuredRun& r) { return std::string(r.*Member); },
          [](RowCells& c, std::string_view n, MeasuredRun& r) { r.*Member = c.text(n); }};
}

template <auto Member>
Column count_column(std::string_view name) {
  return {name, [](const MeasuredRun& r) { return whole(r.*Member); },
          [](RowCells& c, std::string_view n, MeasuredRun& r) { r.*Member = c.integer(n, 0, 0); }};
}

template <auto Member>
Column degree_column(std::string_view name) {
  return {name, [](const MeasuredRun& r) { return whole(r.layout.*Member); },
          [](RowCells& c, std::string_view n, MeasuredRun& r) {
            r.layout.*Member = static_cast<int>(std::min(kMostRanks, c.integer(n, 0, 0)));
          }};
}

template <auto Member>
Column load_column(std::string_view name) {
  return {name,
          [](const MeasuredRun& r) {
            return r.load ? real(static_cast<double>((*r.load).*Member)) : "";
          },
          [](RowCells& c, std::string_view n, MeasuredRun& r) {
            using Value = std::remove_reference_t<decltype((*r.load).*Member)>;
            (*r.load).*Member = static_cast<Value>(c.non_negative(n, 0));
          }};
}

template <auto Member>
Column setting_column(std::string_view name) {
  return {name, [](const MeasuredRun& r) { return real(static_cast<double>(r.settings.*Member)); },
          [](RowCells& c, std::string_view n, MeasuredRun& r) {
            using Value = std::remove_reference_t<decltype(r.settings.*Member)>;
            r.settings.*Member = static_cast<Value>(c.non_negative(n, 0));
          }};
}

template <auto Member>
Column seconds_column(std::string_view name) {
  return {
      name, [](const MeasuredRun& r) { return real(r.*Member); },
      [](RowCells& c, std::string_view n, MeasuredRun& r) { r.*Member = c.non_negative(n, 0); }};
}

void read_engine(RowCells& cells, std::string_view name, MeasuredRun& run) {
  run.engine_text = cells.text(name);
  run.engine = engine_of(run.engine_text);
}

void read_load_name(RowCells& cells, std::string_view name, MeasuredRun& run) {
  run.protocol_text = cells.text(name);
  run.protocol = parse_protocol(run.protocol_text);
}

void read_share(RowCells& cells, std::string_view name, MeasuredRun& run) {
  run.load->shortest_share = cells.text(name).empty() ? 1.0 : cells.non_negative(name, 1.0);
}

// -1 is written for SGLang's "not cut", so this one cell may be negative.
void read_chunk(RowCells& cells, std::string_view name, MeasuredRun& run) {
  run.settings.chunk_tokens = cells.integer(name, -1, 0);
}

using M = MeasuredRun;
using P = models::Parallelism;

const auto& columns() {
  static const std::array all{
      text_column<&M::id>("run_id"),
      text_column<&M::tool>("tool"),
      text_column<&M::source>("source"),
      Column{"engine", [](const M& r) { return r.engine_text; }, read_engine},
      text_column<&M::engine_version>("engine_version"),
      text_column<&M::gpu>("gpu"),
      text_column<&M::host>("host"),
      text_column<&M::model>("model"),
      text_column<&M::dtype>("dtype"),
      Column{"kv_dtype", [](const M& r) { return r.settings.kv_dtype; },
             [](RowCells& c, std::string_view n, M& r) { r.settings.kv_dtype = c.text(n); }},
      Column{
          "mode", [](const M& r) { return std::string(r.disaggregated ? "disagg" : "agg"); },
          [](RowCells& c, std::string_view n, M& r) { r.disaggregated = c.text(n) == "disagg"; }},
      degree_column<&P::tensor>("tp"),
      degree_column<&P::pipeline>("pp"),
      degree_column<&P::expert>("ep"),
      degree_column<&P::attention_data>("attention_dp"),
      setting_column<&EngineSettings::max_num_seqs>("max_num_seqs"),
      setting_column<&EngineSettings::max_num_batched_tokens>("max_num_batched_tokens"),
      Column{"chunk_tokens", [](const M& r) { return whole(r.settings.chunk_tokens); }, read_chunk},
      setting_column<&EngineSettings::memory_fraction>("memory_fraction"),
      setting_column<&EngineSettings::kv_blocks>("kv_blocks"),
      count_column<&M::max_model_len>("max_model_len"),
      text_column<&M::workload>("workload"),
      count_column<&M::isl>("isl"),
      count_column<&M::osl>("osl"),
      Column{"shortest_share",
             [](const M& r) {
               return r.load && r.load->shortest_share != 1 ? number(r.load->shortest_share) : "";
             },
             read_share},
      Column{"load",
             [](const M& r) {
               return r.protocol == Protocol::unknown ? r.protocol_text
                                                      : std::string(name(r.protocol));
             },
             read_load_name},
      count_column<&M::concurrency>("concurrency"),
      load_column<&RunLoad::requests>("requests"),
      load_column<&RunLoad::rate>("request_rate"),
      load_column<&RunLoad::burstiness>("burstiness"),
      seconds_column<&M::ramp_s>("ramp_s"),
      seconds_column<&M::stage_s>("stage_s"),
      load_column<&RunLoad::count_from_s>("count_from_s"),
      load_column<&RunLoad::turn_s>("turn_s"),
      load_column<&RunLoad::in_process>("in_process"),
      seconds_column<&M::load_fraction>("load_fraction"),
      text_column<&M::problem>("problem"),
      text_column<&M::note>("note")};
  return all;
}

bool has_load(Protocol protocol) {
  return protocol == Protocol::closed_loop || protocol == Protocol::open_loop ||
         protocol == Protocol::recorded || protocol == Protocol::one_batch ||
         protocol == Protocol::unknown;
}

// Recorded arrivals as the open loop that they look like: gamma gaps of the same mean and spread.
MeasuredRun without_requests(MeasuredRun run) {
  if (!run.load || !run.load->recorded) return run;
  const std::vector<RecordedRequest>& all = *run.load->recorded;
  const auto same_lengths = [&all](const RecordedRequest& r) {
    return r.prompt_tokens == all[0].prompt_tokens && r.output_tokens == all[0].output_tokens;
  };
  if (!std::all_of(all.begin(), all.end(), same_lengths)) {
    add_note(run, "lengths of single requests: their means");
  }
  if (run.protocol == Protocol::recorded) {
    std::vector<double> gaps;
    for (std::size_t i = 1; i < all.size(); ++i) gaps.push_back(all[i].at_s - all[i - 1].at_s);
    run.load->requests = std::ssize(all);
    run.protocol = Protocol::open_loop;
    const double gap = mean(gaps);
    if (gap > 0) {
      run.load->rate = 1 / gap;
      const double spread = variance(gaps);
      run.load->burstiness = spread > 0 ? gap * gap / spread : 0;
      add_note(run, "arrivals of single requests: their mean rate and burstiness");
    } else {  // all at once
      run.protocol = Protocol::closed_loop;
      run.concurrency = run.load->requests;
    }
  }
  run.load->recorded.reset();
  return run;
}

MeasuredRun read_row(const CsvTable& table, std::size_t row, std::span<const Figure> figures,
                     Diagnostics& faults) {
  RowCells cells(table, row, faults);
  MeasuredRun run;
  run.row = row;
  run.line = table.line(row);
  run.load.emplace();
  for (const Column& column : columns()) {
    if (table.column(column.name)) column.read(cells, column.name, run);
  }
  if (!has_load(run.protocol)) run.load.reset();
  if (run.tool.empty()) run.tool = "runs table";
  for (const Figure f : figures) run.measured[f] = cells.positive(column_name(f));
  return run;
}

}  // namespace

std::vector<Figure> figures_in(std::span<const MeasuredRun> runs) {
  std::vector<Figure> out;
  for (std::size_t i = 0; i < kFigureCount; ++i) {
    const auto figure = static_cast<Figure>(i);
    bool any = false;
    for (const MeasuredRun& run : runs) any = any || run.measured[figure].has_value();
    if (any) out.push_back(figure);
  }
  return out;
}

bool is_own_table(const CsvTable& table) {
  return table.column("tool") && table.column("load") && table.column("isl") && table.column("osl");
}

Result<RunTable> read_own_table(CsvTable table) {
  Diagnostics faults;
  RunTable result;
  for (std::size_t i = 0; i < kFigureCount; ++i) {
    const auto figure = static_cast<Figure>(i);
    if (table.column(column_name(figure))) result.figures.push_back(figure);
  }
  for (std::size_t row = 0; row < table.rows(); ++row) {
    result.runs.push_back(read_row(table, row, result.figures, faults));
  }
  if (!faults.ok()) return faults.combined();
  result.table = std::move(table);
  return result;
}

CsvTable write_own_table(const std::string& path, std::span<const MeasuredRun> runs) {
  const std::vector<Figure> figures = figures_in(runs);
  std::vector<std::string> header;
  for (const Column& column : columns()) header.emplace_back(column.name);
  for (const Figure f : figures) header.emplace_back(column_name(f));
  std::vector<std::vector<std::string>> rows;
  std::vector<std::int64_t> lines;
  for (const MeasuredRun& original : runs) {
    const MeasuredRun run = without_requests(original);
    std::vector<std::string> cells;
    for (const Column& column : columns()) cells.push_back(column.write(run));
    for (const Figure f : figures)
      cells.push_back(run.measured[f] ? fmt::format("{:.10g}", *run.measured[f]) : "");
    rows.push_back(std::move(cells));
    lines.push_back(run.line);
  }
  return CsvTable::of(path, std::move(header), std::move(rows), std::move(lines));
}

}  // namespace eph::calibration
