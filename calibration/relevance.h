#pragma once
// Which coefficients a deployment's times can depend on; saves simulations when differentiating.
#include "models/fitted_model.h"
#include "models/profile.h"

namespace eph::calibration {

// False only when changing the coefficient cannot change any prediction for this deployment.
[[nodiscard]] bool is_relevant(models::Coefficient coefficient, const models::StepContext& context);

}  // namespace eph::calibration
