#pragma once
// A step-time profile file of any form.
#include <string>
#include <variant>

#include "core/result.h"
#include "models/compact_model.h"
#include "models/cpu_profile.h"
#include "models/linear_model.h"
#include "models/profile.h"

namespace eph::models {

using StepProfile = std::variant<EngineProfile, LinearProfile, CompactProfile, CpuProfile>;

// By the file's "form": "fitted" or "cpu" (what calibration on tables writes), "compact" (on a
// request log) or "linear" (by hand).
[[nodiscard]] Result<StepProfile> load_step_profile(const std::string& path);

}  // namespace eph::models
