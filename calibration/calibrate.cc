#include "calibration/calibrate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "calibration/gpu_transfer.h"
#include "calibration/predict_rows.h"
#include "core/line_source.h"
#include "core/version.h"
#include "models/operators.h"

namespace eph::calibration {
namespace {

// Rows as a fit predicts them; `only` empty: all.
std::vector<ScoredRow> predict(const std::vector<DataRow>& rows, const std::vector<bool>& only,
                               const EngineFit& fit, const CalibrateOptions& options) {
  std::vector<std::size_t> wanted;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (only.empty() || only[i]) wanted.push_back(i);
  }
  return predict_rows(rows, wanted, fit, options.engine, {options.seed, options.threads});
}

void add_errors(const std::vector<ErrorLine>& lines, const std::string& split,
                std::vector<models::ErrorFigure>& out) {
  for (const ErrorLine& line : lines) {
    if (line.protocol.empty() || !line.model.empty()) continue;
    out.push_back({fmt::format("{} {}", line.protocol, column_name(line.figure)), split,
                   line.errors.n, line.errors.mape, line.errors.median, line.errors.p90});
  }
}

void describe_data(const std::vector<DataRow>& rows, models::EngineProfile& profile) {
  std::set<std::string> versions, sources;
  std::map<std::string, models::CoveredModel> covered;
  for (const DataRow& row : rows) {
    sources.insert(fmt::format("{} ({})", row.file, row.source));
    // Nothing of an offline batch serves other loads.
    if (fit_family(profile.engine, row.engine_version, row.plan.protocol) == models::kOfflineFamily)
      continue;
    if (!row.engine_version.empty()) versions.insert(row.engine_version);
    models::CoveredModel& m = covered[row.model];
    if (m.rows++ == 0) {
      m.model = row.model;
      m.isl_min = m.isl_max = row.isl;
      m.osl_min = m.osl_max = row.osl;
    }
    m.isl_min = std::min(m.isl_min, row.isl);
    m.isl_max = std::max(m.isl_max, row.isl);
    m.osl_min = std::min(m.osl_min, row.osl);
    m.osl_max = std::max(m.osl_max, row.osl);
    m.concurrency_max = std::max(m.concurrency_max, row.concurrency);
    if (std::find(m.tensor_parallel.begin(), m.tensor_parallel.end(), row.tensor_parallel) ==
        m.tensor_parallel.end()) {
      m.tensor_parallel.push_back(row.tensor_parallel);
    }
  }
  profile.engine_versions.assign(versions.begin(), versions.end());
  profile.sources.assign(sources.begin(), sources.end());
  for (auto& [name, model] : covered) {
    std::sort(model.tensor_parallel.begin(), model.tensor_parallel.end());
    profile.covered.push_back(std::move(model));
  }
}

}  // namespace

Result<void> CalibrateOptions::validate() const {
  if (!(held_out >= 0 && held_out <= 0.8)) {
    return usage_error(fmt::format("held-out share {} is not in 0..0.8", held_out));
  }
  if (splits < 1) return usage_error(fmt::format("{} splits", splits), "give 1 or more");
  return {};
}

Result<CalibrateReport> calibrate(const CalibrateOptions& options, const models::Catalog& catalog,
                                  const CalibrateProgress& progress) {
  if (auto ok = options.validate(); !ok) return ok.error();
  Result<Dataset> data = Dataset{};
  if (!options.data_folder.empty())
    data = load_dataset(options.data_folder, options.engine, options.gpu, catalog);
  if (!data) return data.error();
  for (const std::string& file : options.runs) {
    auto ok = add_measured_runs(file, options.facts, options.engine, options.gpu, catalog, *data);
    if (!ok) return ok.error();
  }
  const std::vector<DataRow>& rows = data->rows;
  FitOptions fit_options;
  fit_options.threads = options.threads;
  fit_options.seed = options.seed;
  fit_options.iterations = options.max_iterations;
  fit_options.linearisations = options.linearisations;

  CalibrateReport report;
  report.rows = rows.size();
  report.skipped = data->skipped;
  const int splits = options.held_out > 0 ? options.splits : 0;
  if (progress) progress("derivatives at the start", 0, splits + 1);
  const auto fitter = EngineFitter::create(rows, options.engine, fit_options);
  if (!fitter) return fitter.error();
  std::vector<ScoredRow> held_rows;
  for (int s = 0; s < splits; ++s) {
    if (progress)
      progress(fmt::format("fit without {:.0f} % of the curves", 100 * options.held_out), s + 1,
               splits + 1);
    const auto held =
        hold_out_curves(rows, options.held_out, options.seed + static_cast<std::uint64_t>(s));
    const auto fitted = fitter->fit(held);
    if (!fitted) return fitted.error();
    for (ScoredRow& row : predict(rows, held, *fitted, options))
      held_rows.push_back(std::move(row));
    report.held_out.push_back(fitted->brief_report());
  }
  report.held_out_rows = held_rows.size();
  if (progress) progress("fit on all rows", splits + 1, splits + 1);
  const auto fitted_all = fitter->fit({});
  if (!fitted_all) return fitted_all.error();
  const EngineFit& all = *fitted_all;
  report.fit = all.brief_report();
  report.simulations = all.simulations;
  report.in_sample = error_tables(predict(rows, {}, all, options));
  report.held_out_errors = error_tables(held_rows);

  models::EngineProfile& profile = report.profile;
  profile = all.profile;
  profile.spread = fitter->spread();
  add_errors(report.in_sample, "in-sample", profile.errors);
  add_errors(report.held_out_errors,
             fmt::format("random {:.0f} % of curves held out", 100 * options.held_out),
             profile.errors);
  describe_data(rows, profile);
  TransferOptions transfer;
  transfer.data_folder = options.data_folder;
  transfer.threads = options.threads;
  transfer.seed = options.seed;
  if (progress) progress("other GPUs and hosts", splits + 1, splits + 1);
  if (auto ok = fit_gpu_transfers(transfer, catalog, profile); !ok) return ok.error();
  profile.command = options.command;
  profile.commit = commit();
  if (!options.out.empty()) {
    if (auto ok = write_file(options.out, models::to_json(profile).dump() + "\n"); !ok)
      return ok.error();
  }
  return report;
}

}  // namespace eph::calibration
