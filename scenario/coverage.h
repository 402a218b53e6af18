#pragma once
// What a profile was measured on, against what is asked of it.
#include <optional>
#include <string>
#include <vector>

#include "models/gpu_spec.h"
#include "models/llm_spec.h"
#include "models/profile.h"
#include "scenario/scenario.h"

namespace eph::scenario {

[[nodiscard]] std::optional<models::CoveredModel> covered_model(
    const models::EngineProfile& profile, const models::LlmSpec& llm);
// A line for each way in which the deployment lies outside the profile's data.
[[nodiscard]] std::vector<std::string> coverage_warnings(const models::EngineProfile& profile,
                                                         const models::GpuSpec& gpu,
                                                         const models::LlmSpec& llm,
                                                         const DeploymentSpec& spec);

}  // namespace eph::scenario
