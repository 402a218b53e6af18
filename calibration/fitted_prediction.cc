#include "calibration/fitted_prediction.h"

#include <cmath>

namespace eph::calibration {

Result<FigureSet> predict_row(const DataRow& row, const EngineFit& fit, std::uint64_t seed) {
  const RowState state = fit.state_for(row);
  ReplayOptions options;
  options.seed = seed;
  options.host_speed = state.host_speed;
  options.residual = &state.residual;
  auto replayed = replay(row.plan, state.values, options);
  if (!replayed) return replayed.error();
  if (auto& ttft = replayed->figures[Figure::mean_ttft]; ttft) *ttft *= std::exp(fit.first_token_log(row));
  return replayed->figures;
}

}  // namespace eph::calibration
