#include "calibration/predict_rows.h"

#include <cmath>

#include "calibration/parallel.h"
#include "calibration/replay.h"

namespace eph::calibration {
namespace {

ScoredRow score(const DataRow& row, const EngineFit& fit, models::EngineKind engine,
                std::uint64_t seed) {
  ScoredRow out;
  out.engine = models::name(engine);
  out.model = row.model;
  out.protocol = name(row.plan.protocol);
  out.measured = row.plan.measured;
  for (std::size_t f = 0; f < kFigureCount; ++f) {
    if (row.plan.scored.test(f)) out.scored.push_back(static_cast<Figure>(f));
  }
  if (const auto predicted = predict_row(row, fit, seed); predicted) {
    out.predicted = *predicted;
  } else {
    out.problem = predicted.error().what;
  }
  return out;
}

}  // namespace

Result<FigureSet> predict_row(const DataRow& row, const EngineFit& fit, std::uint64_t seed) {
  const RowState state = fit.state_for(row);
  ReplayOptions options;
  options.seed = seed;
  options.machine.host_speed = state.host_speed;
  options.residual = &state.residual;
  auto replayed = replay(row.plan, state.values, options);
  if (!replayed) return replayed.error();
  if (replayed->counted == 0) return infeasible_error("no request ends inside the measured window");
  if (auto& ttft = replayed->figures[Figure::mean_ttft]; ttft)
    *ttft *= std::exp(fit.first_token_log(row));
  return replayed->figures;
}

std::vector<ScoredRow> predict_rows(const std::vector<DataRow>& rows,
                                    std::span<const std::size_t> which, const EngineFit& fit,
                                    models::EngineKind engine, const PredictOptions& options) {
  std::vector<ScoredRow> out(which.size());
  parallel_for(which.size(), options.threads,
               [&](std::size_t k) { out[k] = score(rows[which[k]], fit, engine, options.seed); });
  return out;
}

}  // namespace eph::calibration
