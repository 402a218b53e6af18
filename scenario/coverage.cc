#include "scenario/coverage.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.h"
#include "scenario/assemble.h"

namespace eph::scenario {

namespace {

// At most `most` names; the rest as a number.
std::string list_models(const models::EngineProfile& profile) {
  constexpr std::size_t kMost = 8;
  std::string out;
  for (std::size_t i = 0; i < profile.covered.size() && i < kMost; ++i) {
    out += fmt::format("{}{}", i == 0 ? "" : ", ", profile.covered[i].model);
  }
  if (profile.covered.size() > kMost) {
    out += fmt::format(" and {} more", profile.covered.size() - kMost);
  }
  return out.empty() ? "no model" : out;
}

bool outside(double value, std::int64_t low, std::int64_t high) {
  return value < static_cast<double>(low) || value > static_cast<double>(high);
}

}  // namespace

std::optional<models::CoveredModel> covered_model(const models::EngineProfile& profile,
                                                  const models::LlmSpec& llm) {
  for (const models::CoveredModel& covered : profile.covered) {
    if (to_lower(covered.model) == to_lower(llm.name)) return covered;
  }
  return std::nullopt;
}

std::vector<std::string> coverage_warnings(const models::EngineProfile& profile,
                                           const models::GpuSpec& gpu, const models::LlmSpec& llm,
                                           const DeploymentSpec& spec) {
  std::vector<std::string> out;
  const std::string_view engine = models::display(profile.engine);
  if (profile.gpu != gpu.name) {
    out.push_back(
        fmt::format("predictions for {} extrapolate: the profile of {} was fitted on {} and is "
                    "carried over by data-sheet rates",
                    gpu.name, engine, profile.gpu));
  }
  const auto covered = covered_model(profile, llm);
  if (!covered) {
    out.push_back(fmt::format("predictions for {} extrapolate: the profile of {} covers {}",
                              llm.name, engine, list_models(profile)));
  } else if (std::find(covered->tensor_parallel.begin(), covered->tensor_parallel.end(),
                       spec.layout.tensor) == covered->tensor_parallel.end()) {
    out.push_back(fmt::format(
        "predictions for tp {} of {} extrapolate: the profile of {} covers tp {}",
        spec.layout.tensor, llm.name, engine, fmt::join(covered->tensor_parallel, ", ")));
  }
  const auto& versions = profile.engine_versions;
  if (!spec.engine_version.empty() && !versions.empty() &&
      std::find(versions.begin(), versions.end(), spec.engine_version) == versions.end()) {
    out.push_back(fmt::format("predictions for {} {} extrapolate: the profile was measured on {}",
                              engine, spec.engine_version, fmt::join(versions, ", ")));
  }
  return out;
}

std::vector<std::string> length_warnings(const Assembly& assembly, double mean_prompt,
                                         double mean_output) {
  std::vector<std::string> out;
  if (!assembly.covered) return out;
  const models::CoveredModel& c = *assembly.covered;
  if (outside(mean_prompt, c.isl_min, c.isl_max)) {
    out.push_back(
        fmt::format("predictions for prompts of {:.0f} tokens on average extrapolate: the profile "
                    "covers {} to {} for {}",
                    mean_prompt, c.isl_min, c.isl_max, c.model));
  }
  if (outside(mean_output, c.osl_min, c.osl_max)) {
    out.push_back(
        fmt::format("predictions for outputs of {:.0f} tokens on average extrapolate: the profile "
                    "covers {} to {} for {}",
                    mean_output, c.osl_min, c.osl_max, c.model));
  }
  return out;
}

}  // namespace eph::scenario
