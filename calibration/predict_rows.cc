#include "calibration/predict_rows.h"

#include "calibration/parallel.h"
#include "calibration/replay.h"

namespace eph::calibration {
namespace {

ScoredRow predict_row(const DataRow& row, const EngineFit& fit, models::EngineKind engine,
                      std::uint64_t seed) {
  ScoredRow out;
  out.engine = models::name(engine);
  out.model = row.model;
  out.protocol = name(row.plan.protocol);
  out.measured = row.plan.measured;
  for (std::size_t f = 0; f < kFigureCount; ++f) {
    if (row.plan.scored.test(f)) out.scored.push_back(static_cast<Figure>(f));
  }
  ReplayOptions options;
  options.seed = seed;
  options.host_speed = fit.host_speed(row.plan.host);
  const auto replayed = replay(row.plan, fit.values_for(row.model), options);
  if (!replayed) {
    out.problem = replayed.error().what;
  } else if (replayed->counted == 0) {
    out.problem = "no request ends inside the measured window";
  } else {
    out.predicted = replayed->figures;
  }
  return out;
}

}  // namespace

std::vector<ScoredRow> predict_rows(const std::vector<DataRow>& rows,
                                    std::span<const std::size_t> which, const EngineFit& fit,
                                    models::EngineKind engine, const PredictOptions& options) {
  std::vector<ScoredRow> out(which.size());
  parallel_for(which.size(), options.threads, [&](std::size_t k) {
    out[k] = predict_row(rows[which[k]], fit, engine, options.seed);
  });
  return out;
}

}  // namespace eph::calibration
