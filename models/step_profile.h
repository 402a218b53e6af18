#pragma once
// A step-time profile file of any form.
#include <string>
#include <variant>

#include "core/result.h"
#include "models/cpu_profile.h"
#include "models/linear_model.h"
#include "models/profile.h"

namespace eph::models {

using StepProfile = std::variant<EngineProfile, LinearProfile, CpuProfile>;

// By the file's "form": "fitted" or "cpu" (what calibration writes) or "linear" (by hand).
[[nodiscard]] Result<StepProfile> load_step_profile(const std::string& path);

}  // namespace eph::models
