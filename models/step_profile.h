#pragma once
// A step-time profile file of either form.
#include <string>
#include <variant>

#include "core/result.h"
#include "models/linear_model.h"
#include "models/profile.h"

namespace eph::models {

using StepProfile = std::variant<EngineProfile, LinearProfile>;

// By the file's "form": "fitted" (what calibration writes) or "linear" (by hand).
[[nodiscard]] Result<StepProfile> load_step_profile(const std::string& path);

}  // namespace eph::models
