#pragma once
// Which coefficients each engine's fit moves, with priors and bounds (docs/VALIDATION.md, "Fit").
#include <vector>

#include "models/profile.h"

namespace eph::calibration {

struct FreeCoefficient {
  models::Coefficient coefficient = models::Coefficient::gemm_scale;
  double prior_sd = 1;     // in the coefficient's unit
  bool per_model = false;  // kernels chosen by shape, work per layer, memory: a model may differ
};

// Where the engine's fit starts; also the priors' means.
[[nodiscard]] models::CoefficientValues engine_start(models::EngineKind engine,
                                                     std::string_view family = {});

// `family`: fit_family. Coefficients not listed stay at the engine's start values: no row of its
// data says anything on them.
[[nodiscard]] std::vector<FreeCoefficient> free_coefficients(models::EngineKind engine,
                                                             std::string_view family = {});

}  // namespace eph::calibration
