#include "calibration/calibrate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "calibration/engine_fit.h"
#include "calibration/gpu_transfer.h"
#include "calibration/parallel.h"
#include "calibration/replay.h"
#include "core/line_source.h"
#include "core/version.h"
#include "models/operators.h"

namespace eph::calibration {
namespace {

// Predicts rows with a fit's coefficients; rows of a host the fit did not know run at speed 1.
std::vector<ScoredRow> predict(const std::vector<DataRow>& rows, const std::vector<bool>& only,
                               const EngineFit& fit, const CalibrateOptions& options) {
  std::vector<std::size_t> wanted;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (only.empty() || only[i]) wanted.push_back(i);
  }
  std::vector<ScoredRow> out(wanted.size());
  parallel_for(wanted.size(), options.threads, [&](std::size_t k) {
    const DataRow& row = rows[wanted[k]];
    ReplayOptions replay_options;
    replay_options.seed = options.seed;
    replay_options.machine.host_speed = fit.host_speed(row.plan.host);
    ScoredRow& scored = out[k];
    scored.engine = models::name(options.engine);
    scored.model = row.model;
    scored.protocol = name(row.plan.protocol);
    scored.measured = row.plan.measured;
    for (std::size_t f = 0; f < kFigureCount; ++f) {
      if (row.plan.scored.test(f)) scored.scored.push_back(static_cast<Figure>(f));
    }
    const auto replayed = replay(row.plan, fit.values_for(row.model), replay_options);
    if (replayed) scored.predicted = replayed->figures;
  });
  return out;
}

// Robust standard deviation of log(predicted / measured): 1.4826 times the median absolute value.
double log_spread(const std::vector<ScoredRow>& rows, std::initializer_list<Figure> figures,
                  double fallback) {
  std::vector<double> sizes;
  for (const ScoredRow& row : rows) {
    for (const Figure f : figures) {
      const bool scored = std::find(row.scored.begin(), row.scored.end(), f) != row.scored.end();
      if (scored && row.predicted[f]) sizes.push_back(std::abs(std::log(*row.predicted[f] / *row.measured[f])));
    }
  }
  if (sizes.size() < 5) return fallback;
  std::sort(sizes.begin(), sizes.end());
  return 1.4826 * quantile_sorted(sizes, 0.5);
}

void add_errors(const std::vector<ErrorLine>& lines, const std::string& split,
                std::vector<models::ErrorFigure>& out) {
  for (const ErrorLine& line : lines) {
    if (line.protocol.empty() || !line.model.empty()) continue;
    out.push_back({fmt::format("{} {}", line.protocol, column_name(line.figure)), split, line.errors.n,
                   line.errors.mape, line.errors.median, line.errors.p90});
  }
}

void describe_data(const std::vector<DataRow>& rows, models::EngineProfile& profile) {
  std::set<std::string> versions, sources;
  std::map<std::string, models::CoveredModel> covered;
  for (const DataRow& row : rows) {
    if (!row.engine_version.empty()) versions.insert(row.engine_version);
    sources.insert(fmt::format("{} ({})", row.file, row.source));
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
  auto data = load_dataset(options.data_folder, options.engine, options.gpu, catalog);
  if (!data) return data.error();
  const std::vector<DataRow>& rows = data->rows;
  FitOptions fit_options;
  fit_options.threads = options.threads;
  fit_options.seed = options.seed;
  fit_options.max_iterations = options.max_iterations;

  CalibrateReport report;
  report.rows = rows.size();
  report.skipped = data->skipped;
  const int splits = options.held_out > 0 ? options.splits : 0;
  std::vector<ScoredRow> held_rows;
  for (int s = 0; s < splits; ++s) {
    if (progress) progress(fmt::format("fit without {:.0f} % of the curves", 100 * options.held_out), s + 1, splits + 1);
    const auto held = hold_out_curves(rows, options.held_out, options.seed + static_cast<std::uint64_t>(s));
    fit_options.covariance = false;
    const auto fitted = fit_engine(rows, held, options.engine, fit_options);
    if (!fitted) return fitted.error();
    for (ScoredRow& row : predict(rows, held, *fitted, options)) held_rows.push_back(std::move(row));
    report.held_out.push_back(fitted->engine_wide);
  }
  report.held_out_rows = held_rows.size();

  if (progress) progress("fit on all rows", splits + 1, splits + 1);
  fit_options.covariance = true;
  const auto fitted = fit_engine(rows, {}, options.engine, fit_options);
  if (!fitted) return fitted.error();
  report.fit = fitted->engine_wide;
  report.simulations = fitted->simulations;
  report.in_sample = error_tables(predict(rows, {}, *fitted, options));
  report.held_out_errors = error_tables(held_rows);

  models::EngineProfile& profile = report.profile;
  profile.engine = options.engine;
  profile.gpu = options.gpu;
  profile.operators = rows.front().plan.deployment.context.operators;  // the engine's, for all rows
  profile.values = report.fit.values;
  profile.fitted = report.fit.fitted;
  profile.covariance = report.fit.covariance;
  profile.corrections = fitted->corrections;
  profile.residual_sd_tpot = log_spread(held_rows, {Figure::mean_tpot, Figure::itl_p50}, profile.residual_sd_tpot);
  profile.residual_sd_ttft = log_spread(held_rows, {Figure::mean_ttft, Figure::ttft_p50}, profile.residual_sd_ttft);
  add_errors(report.in_sample, "in-sample", profile.errors);
  add_errors(report.held_out_errors,
             fmt::format("random {:.0f} % of curves held out", 100 * options.held_out), profile.errors);
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
    if (auto ok = write_file(options.out, models::to_json(profile).dump() + "\n"); !ok) return ok.error();
  }
  return report;
}

}  // namespace eph::calibration
