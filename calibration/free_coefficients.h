#pragma once
// Which coefficients each engine's fit moves, with priors and bounds (docs/VALIDATION.md, "Fit").
#include <vector>

#include "calibration/fit.h"

namespace eph::calibration {

// Where the engine's fit starts; also the priors' means.
[[nodiscard]] models::CoefficientValues engine_start(models::EngineKind engine);

// Coefficients not listed stay at the engine's start values: no row of its data says anything on them.
[[nodiscard]] std::vector<FreeCoefficient> free_coefficients(models::EngineKind engine);

}  // namespace eph::calibration
