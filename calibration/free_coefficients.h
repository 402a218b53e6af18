#pragma once
// Which coefficients each engine's fit moves, with priors and bounds (docs/VALIDATION.md, "Fit").
#include <vector>

#include "calibration/fit.h"

namespace eph::calibration {

// Where the engine's fit starts; also the priors' means.
[[nodiscard]] models::CoefficientValues engine_start(models::EngineKind engine);

// Coefficients not listed stay at the engine's start values: no row of its data says anything on them.
[[nodiscard]] std::vector<FreeCoefficient> free_coefficients(models::EngineKind engine);

// What a model's own rows may change, around the engine-wide values: what depends on kernels chosen by
// shape, on how many of them a layer has, and on the memory that the engine keeps for itself.
[[nodiscard]] std::vector<FreeCoefficient> correction_coefficients(models::EngineKind engine,
                                                                   const models::CoefficientValues& around,
                                                                   const models::StepContext& context);

}  // namespace eph::calibration
