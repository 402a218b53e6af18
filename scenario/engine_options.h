#pragma once
// The engines' own option names (`--set name=value`, "engine_options" of a file): the one table of
// what is simulated, and of what is known and refused.
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "models/engine_kind.h"
#include "scenario/fields.h"
#include "scenario/scenario.h"

namespace eph::scenario {

// Prefix of the ids of settings: "deployment/engine_options/NAME".
inline constexpr std::string_view kEngineOptions = "deployment/engine_options";

struct EngineOption {
  models::EngineKind engine{};
  // key: the engine's name of it; kind, range, choices and help as for any field. `set` is unused.
  Field field;
  // Returns false when the deployment says something else already.
  bool (*put)(DeploymentSpec&, const FieldValue&) = nullptr;
  std::string_view stands_for{};  // id of the scenario field that sets the same; may be empty
  // Why the simulation does not take it; then `put` is null.
  std::string_view refusal{};
  // Values that the engine knows and the simulation does not take, each with the reason.
  std::vector<std::pair<std::string_view, std::string_view>> refused_values{};
};

// Grouped by engine, in the order of the documentation.
[[nodiscard]] std::span<const EngineOption> engine_options();

// What is wrong with one setting of a deployment of `spec.engine`: unknown (nearest name), another
// engine's, not simulated (reason), a value out of range.
[[nodiscard]] Result<void> check_setting(const DeploymentSpec& spec, const EngineSetting& setting);
// The deployment's engine has no such option, simulated or not.
[[nodiscard]] bool is_foreign(const DeploymentSpec& spec, const EngineSetting& setting);
// Of an option that none of these engines has: whose it is, or the nearest name.
[[nodiscard]] Error taken_by_none(const std::vector<std::string>& engines, const std::string& name);

// Something that a setting does not go with: a field of the scenario, or a setting before it.
struct Contradiction {
  std::size_t setting = 0;           // index
  std::string field;                 // id; empty: another setting
  std::optional<std::size_t> other;  // its index
  bool sizes = false;                // two ways to give the size of the KV cache
};
// The deployment with its engine options put where its fields would have, and what contradicts;
// what check_setting finds wrong is left out.
struct ResolvedSettings {
  DeploymentSpec spec;
  std::vector<Contradiction> contradictions;
};
[[nodiscard]] ResolvedSettings resolve_settings(const DeploymentSpec& spec);

// The same where nothing is wrong. Error: the first that is, given twice, or contradicts a field.
[[nodiscard]] Result<DeploymentSpec> with_engine_options(const DeploymentSpec& spec);

// Puts one setting into the deployment; false, and no change, if that says something else already.
[[nodiscard]] Result<bool> put_setting(models::EngineKind engine, const EngineSetting& setting,
                                       DeploymentSpec& spec);

// "name=value".
[[nodiscard]] Result<EngineSetting> parse_setting(std::string_view text);

}  // namespace eph::scenario
