#pragma once
// What a profile was measured on, against what is asked of it.
#include <optional>
#include <string>
#include <vector>

#include "models/catalog.h"
#include "models/cpu_profile.h"
#include "models/gpu_spec.h"
#include "models/llm_spec.h"
#include "models/profile.h"
#include "scenario/scenario.h"

namespace eph::scenario {

// What was measured of the model under any of its names in the catalogue; ranges are joined.
[[nodiscard]] std::optional<models::CoveredModel> covered_model(
    const models::Catalog& catalog, const models::EngineProfile& profile,
    const models::LlmSpec& llm);
// A line for each way in which the deployment lies outside the profile's data. `covered` as above.
[[nodiscard]] std::vector<std::string> coverage_warnings(
    const models::EngineProfile& profile, const std::optional<models::CoveredModel>& covered,
    const models::GpuSpec& gpu, const models::LlmSpec& llm, const DeploymentSpec& spec);

// The same for llama.cpp: number formats, models and machines that were not measured.
[[nodiscard]] std::vector<std::string> cpu_warnings(const models::CpuProfile& profile,
                                                    const models::GpuSpec& machine,
                                                    const models::LlmSpec& llm);

}  // namespace eph::scenario
