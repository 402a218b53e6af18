#include "calibration/validate.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <mutex>

#include "calibration/log_validation.h"
#include "calibration/parallel.h"
#include "calibration/replay.h"
#include "calibration/run_table.h"
#include "core/csv.h"
#include "core/line_source.h"
#include "core/text.h"
#include "models/step_profile.h"

namespace eph::calibration {
namespace {

ValidatedRow predict(const MeasuredRun& run, const Result<RunPlan>& planned,
                     const std::vector<models::EngineProfile>& profiles, std::uint64_t seed) {
  ValidatedRow row;
  if (!planned) {
    row.status = "not predicted: " + planned.error().what;
    return row;
  }
  RunPlan plan = *planned;
  const auto* profile = find_profile(profiles, plan.deployment.engine, plan.deployment.gpu_name);
  if (profile == nullptr) {
    row.status = fmt::format("not predicted: no profile of {}", run.engine_text);
    return row;
  }
  plan.deployment.context.operators = profile->operators;
  const auto replayed =
      replay(plan, *profile, profile->machine_for(plan.deployment.gpu_name, plan.host), seed);
  if (!replayed) {
    row.status = "not predicted: " + replayed.error().what;
    return row;
  }
  if (replayed->counted == 0) {
    row.status = "not predicted: no request ends inside the measured window";
    return row;
  }
  row.predicted = replayed->figures;
  if (auto& ttft = row.predicted[Figure::mean_ttft];
      ttft && !plan.prefill && has_undocumented_ramp(plan.protocol)) {
    const models::StepContext& c = plan.deployment.context;
    *ttft *= std::exp(profile->first_token.log_factor(
        fmt::format("{}|{}", c.llm.name, models::name(c.llm.weights)),
        static_cast<double>(run.concurrency), static_cast<double>(run.isl),
        static_cast<double>(run.osl), c.layout.tensor));
  }
  row.ok = plan.scored.any();
  row.status = row.ok ? "ok" : "left out: " + plan.left_out;
  if (row.ok) row.note = plan.left_out;
  return row;
}

std::string output_csv(const RunTable& runs, const std::vector<ValidatedRow>& results) {
  std::string out;
  const auto add_line = [&](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) out += ',';
      out += csv_field(cells[i]);
    }
    out += '\n';
  };
  std::vector<std::string> cells = runs.table.header();
  for (const Figure f : runs.figures) cells.push_back(fmt::format("pred_{}", column_name(f)));
  cells.emplace_back("pred_note");
  cells.emplace_back("status");
  add_line(cells);
  for (std::size_t row = 0; row < results.size(); ++row) {
    cells = runs.table.row(row);
    for (const Figure f : runs.figures) {
      const auto& value = results[row].predicted[f];
      cells.push_back(value ? fmt::format("{:.6g}", *value) : "");
    }
    cells.push_back(results[row].note);
    cells.push_back(results[row].status);
    add_line(cells);
  }
  return out;
}

std::vector<ScoredRow> scored_rows(const RunTable& runs, const std::vector<Result<RunPlan>>& plans,
                                   const std::vector<ValidatedRow>& results) {
  std::vector<ScoredRow> scored;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i].ok) continue;
    ScoredRow row;
    row.engine = runs.runs[i].engine_text;
    row.model = runs.runs[i].model;
    row.protocol = runs.runs[i].disaggregated ? "disaggregated" : name(runs.runs[i].protocol);
    row.predicted = results[i].predicted;
    row.measured = runs.runs[i].measured;
    for (const Figure f : runs.figures) {
      if (plans[i]->is_scored(f)) row.scored.push_back(f);
    }
    scored.push_back(std::move(row));
  }
  return scored;
}

Result<void> check_header(const RunTable& runs) {
  for (const std::string& column : runs.table.header()) {
    if (column.starts_with("pred_") || column == "status") {
      return row_error(runs.table.path(), 1,
                       fmt::format("column \"{}\" would be written twice", column),
                       "give the table without predictions");
    }
  }
  return {};
}

// What only a request log understands; and a folder that is none.
Result<void> refuse_log_options(const ValidateOptions& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(options.runs, ignored)) {
    return io_error(options.runs, "the folder holds no requests.jsonl, so it is no request log");
  }
  if (options.second_half)
    return usage_error("--second-half is for request logs, " + options.runs + " is a table");
  if (options.log_facts != LogFacts{}) {
    return usage_error("settings of a logged engine are for request logs, a table has its own",
                       "leave out --dp and --block-size");
  }
  return {};
}

}  // namespace

const models::EngineProfile* find_profile(const std::vector<models::EngineProfile>& profiles,
                                          models::EngineKind engine, const std::string& gpu) {
  const models::EngineProfile* other_gpu = nullptr;
  for (const models::EngineProfile& profile : profiles) {
    if (profile.engine != engine) continue;
    if (profile.gpu == gpu) return &profile;
    if (other_gpu == nullptr) other_gpu = &profile;
  }
  return other_gpu;
}

Result<std::vector<models::EngineProfile>> load_profiles(const std::vector<std::string>& files,
                                                         const models::Catalog& catalog) {
  std::vector<std::string> paths = files;
  if (paths.empty()) {
    const std::string folder = catalog.folder() + "/profiles";
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
      if (entry.path().extension() == ".json") paths.push_back(entry.path().string());
    }
    if (failed) return io_error(folder, "cannot list profiles: " + failed.message());
    std::sort(paths.begin(), paths.end());
  }
  std::vector<models::EngineProfile> profiles;
  for (const std::string& path : paths) {
    auto profile = models::load_step_profile(path);
    if (!profile) return profile.error();
    // The data folder also holds profiles of other forms, which no serving run needs.
    auto* fitted = std::get_if<models::EngineProfile>(&*profile);
    if (fitted == nullptr && files.empty()) continue;
    if (fitted == nullptr) return models::load_profile(path).error();
    profiles.push_back(std::move(*fitted));
  }
  return profiles;
}

Result<ValidateReport> validate(const ValidateOptions& options, const models::Catalog& catalog,
                                const ValidateProgress& progress) {
  if (is_request_log(options.runs)) return validate_log(options, catalog);
  if (auto ok = refuse_log_options(options); !ok) return ok.error();
  const auto runs = load_runs(options.runs, options.facts);
  if (!runs) return runs.error();
  if (auto ok = check_header(*runs); !ok) return ok.error();
  const auto profiles = load_profiles(options.profiles, catalog);
  if (!profiles) return profiles.error();
  SpecCache specs(catalog);
  std::vector<Result<RunPlan>> plans;
  if (auto ok = check_run_options(options.engine_options); !ok) return ok.error();
  std::optional<Error> refused;
  bool taken = false;
  for (const MeasuredRun& run : runs->runs) {
    plans.push_back(plan_run(run, specs));
    if (!plans.back()) continue;
    const auto put = apply_run_options(catalog, options.engine_options, *plans.back());
    taken = taken || put;
    if (put) continue;
    if (!refused) refused = put.error();
    plans.back() = put.error();
  }
  if (refused && !taken) return *refused;

  ValidateReport report;
  report.rows = runs->runs.size();
  report.results.resize(report.rows);
  std::mutex lock;
  std::size_t done = 0;
  parallel_for(report.rows, options.threads, [&](std::size_t i) {
    report.results[i] = predict(runs->runs[i], plans[i], *profiles, options.seed);
    const std::lock_guard guard(lock);
    if (progress) progress(++done, report.rows);
  });
  for (const ValidatedRow& row : report.results) {
    const bool has_prediction = row.ok || row.status.starts_with("left out");
    ++(has_prediction ? report.predicted : report.not_predicted);
    if (has_prediction && !row.ok) ++report.left_out;
  }
  report.scored = scored_rows(*runs, plans, report.results);
  report.errors = error_tables(report.scored);
  if (!options.out.empty()) {
    if (auto ok = write_file(options.out, output_csv(*runs, report.results)); !ok)
      return ok.error();
  }
  return report;
}

}  // namespace eph::calibration
