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

// Replays one row under its own protocol. Error: it cannot be simulated, or no request counts.
[[nodiscard]] Result<FigureSet> predict_row(const DataRow& row, const EngineFit& fit,
                                            std::uint64_t seed);

// Replays rows[i] for each i of `which` under its own protocol, with what the fit
// has for its deployment and machine. In
// the order of `which`; a row that cannot be simulated has a `problem` and no predictions.
[[nodiscard]] std::vector<ScoredRow> predict_rows(const std::vector<DataRow>& rows,
                                                  std::span<const std::size_t> which,
                                                  const EngineFit& fit, models::EngineKind engine,
                                                  const PredictOptions& options);

}  // namespace eph::calibration
