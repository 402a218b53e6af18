#pragma once
// What a fit predicts for a row under the row's whole protocol.
#include "calibration/engine_fit.h"

namespace eph::calibration {

[[nodiscard]] Result<FigureSet> predict_row(const DataRow& row, const EngineFit& fit, std::uint64_t seed);

}  // namespace eph::calibration
