#include "scenario/coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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

// A name of the profile may be an alias in the catalogue, or of a model that is not in it.
bool same_model(const models::Catalog& catalog, const std::string& name, const std::string& model) {
  if (to_lower(name) == to_lower(model)) return true;
  const Result<models::LlmSpec> found = catalog.llm(name);
  return found && found->name == model;
}

void join(models::CoveredModel& out, const models::CoveredModel& more) {
  out.tensor_parallel.insert(out.tensor_parallel.end(), more.tensor_parallel.begin(),
                             more.tensor_parallel.end());
  std::sort(out.tensor_parallel.begin(), out.tensor_parallel.end());
  out.tensor_parallel.erase(std::unique(out.tensor_parallel.begin(), out.tensor_parallel.end()),
                            out.tensor_parallel.end());
  out.isl_min = std::min(out.isl_min, more.isl_min);
  out.isl_max = std::max(out.isl_max, more.isl_max);
  out.osl_min = std::min(out.osl_min, more.osl_min);
  out.osl_max = std::max(out.osl_max, more.osl_max);
  out.concurrency_max = std::max(out.concurrency_max, more.concurrency_max);
  out.rows += more.rows;
}

// States the held-out error of the transfer for the figures that plans are made with.
std::string carried_over(const models::EngineProfile& profile, const models::GpuTransfer& transfer,
                         const DeploymentSpec& spec) {
  std::string out = fmt::format(
      "predictions for {} are carried over from {}: efficiency {:.2f}, host speed {:.2f}",
      transfer.gpu, profile.gpu, transfer.machine.efficiency,
      spec.host_speed.value_or(transfer.machine.host_speed));
  for (const models::ErrorFigure& e : transfer.errors) {
    if (e.what == "constant ttft_p95_ms" || e.what == "constant itl_p50_ms")
      out += fmt::format(", {} off by {:.0f} % in the median", e.what, e.median);
  }
  return out;
}

}  // namespace

std::optional<models::CoveredModel> covered_model(const models::Catalog& catalog,
                                                  const models::EngineProfile& profile,
                                                  const models::LlmSpec& llm) {
  std::optional<models::CoveredModel> out;
  for (const models::CoveredModel& item : profile.covered) {
    if (!same_model(catalog, item.model, llm.name)) continue;
    if (out) {
      join(*out, item);
    } else {
      out = item;
    }
  }
  return out;
}

std::vector<std::string> coverage_warnings(const models::EngineProfile& profile,
                                           const std::optional<models::CoveredModel>& covered,
                                           const models::GpuSpec& gpu, const models::LlmSpec& llm,
                                           const DeploymentSpec& spec) {
  std::vector<std::string> out;
  const std::string_view engine = models::display(profile.engine);
  if (const models::GpuTransfer* transfer = profile.transfer_to(gpu.name); transfer != nullptr) {
    out.push_back(carried_over(profile, *transfer, spec));
  } else if (profile.gpu != gpu.name) {
    out.push_back(fmt::format(
        "predictions for {} extrapolate: the profile of {} was fitted on {} and is "
        "carried over by data-sheet rates alone, which missed TTFT and ITL by 16 to 20 % "
        "in the median where it was tried",
        gpu.name, engine, profile.gpu));
  }
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

std::vector<std::string> cpu_warnings(const models::CpuProfile& profile,
                                      const models::GpuSpec& machine, const models::LlmSpec& llm) {
  const auto has = [](const std::vector<std::string>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  std::vector<std::string> out;
  const std::string format(models::name(llm.weights));
  if (!has(profile.precisions, format)) {
    out.push_back(
        fmt::format("predictions for weights in {} extrapolate: the profile of llama.cpp "
                    "was fitted on {}, other formats count by their bytes",
                    format, fmt::join(profile.precisions, ", ")));
  }
  const bool known = profile.machine(machine.cpu_cloud, machine.name) != nullptr;
  const models::CpuSpread& spread = known ? profile.measured_machine : profile.new_machine;
  if (!known && machine.is_cpu()) {
    out.push_back(fmt::format("{} was not measured: its speed is that of {} with {} cores",
                              machine.name, machine.architecture, machine.cpu_cores));
  }
  if (!has(profile.models, llm.name)) {
    constexpr double kNormal95 = 1.645;
    const auto range = [](double sd) { return 100 * (std::exp(kNormal95 * sd) - 1); };
    out.push_back(
        fmt::format("{} was not measured with llama.cpp: 90 % of such predictions are "
                    "within {:.0f} % for prompts and {:.0f} % for generation",
                    llm.name, range(spread.prompt), range(spread.generation)));
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
