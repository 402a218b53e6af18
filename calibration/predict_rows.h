#pragma once
// Predictions of measured rows with the coefficients of a fit.
#include <cstdint>
#include <span>
#include <vector>

#include "calibration/dataset.h"
#include "calibration/engine_fit.h"
#include "calibration/error_table.h"

namespace eph::calibration {

struct PredictOptions {
  std::uint64_t seed = 1;
  int threads = 0;  // 0: as many as the machine has; the results do not depend on it
};

// Replays rows[i] for each i of `which` under its own protocol, with the coefficients that the fit
// has for its model and the host factor it has for its machine (1 where it has seen neither). In
// the order of `which`; a row that cannot be simulated has a `problem` and no predictions.
[[nodiscard]] std::vector<ScoredRow> predict_rows(const std::vector<DataRow>& rows,
                                                  std::span<const std::size_t> which,
                                                  const EngineFit& fit, models::EngineKind engine,
                                                  const PredictOptions& options);

}  // namespace eph::calibration
