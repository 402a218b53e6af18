#pragma once
// Named sets of an engine's own options (data/presets): what its users call default and tuned.
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "models/catalog.h"
#include "models/engine_defaults.h"
#include "models/engine_kind.h"
#include "scenario/scenario.h"

namespace eph::scenario {

struct Preset {
  std::string name, about;
  std::vector<EngineSetting> set;
  // Options by their scenario names, as multiples of the engine's defaults on the GPU.
  std::vector<std::pair<std::string, double>> times_default;
  bool verified = false;
  std::vector<std::string> sources;
};

// Every set of the file, in its order; each option must be one that is simulated.
[[nodiscard]] Result<std::vector<Preset>> load_preset_file(const std::string& path,
                                                           models::EngineKind engine);

// Of an engine, in the order of its file; none where it has no file.
[[nodiscard]] Result<std::vector<std::string>> preset_names(const models::Catalog& catalog,
                                                            models::EngineKind engine);

// Puts the options of `spec.preset` where the deployment says nothing itself, and returns those
// that took effect, by the engine's names. Nothing without a preset. Unknown: did-you-mean.
[[nodiscard]] Result<std::vector<EngineSetting>> apply_preset(
    const models::Catalog& catalog, models::EngineKind engine,
    const models::EngineDefaults& defaults, DeploymentSpec& spec);

}  // namespace eph::scenario
