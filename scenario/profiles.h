#pragma once
// The profile a deployment uses: given by path, or the shipped one that fits best.
#include <string>
#include <vector>

#include "core/result.h"
#include "models/catalog.h"
#include "models/engine_kind.h"
#include "models/gpu_spec.h"
#include "models/step_profile.h"

namespace eph::scenario {

struct FoundProfile {
  std::string path, name;  // name: as given, or the file name of a shipped one
  models::StepProfile profile;
};

// Files of the catalogue's "profiles" folder, in byte order; none when there is no such folder.
[[nodiscard]] std::vector<std::string> shipped_profiles(const models::Catalog& catalog);

// `given` if not empty, else the shipped profile of the engine on that GPU, else one of the engine
// on another GPU (the first by file name). Error: a given profile is of another engine, or there is
// none.
[[nodiscard]] Result<FoundProfile> find_profile(const models::Catalog& catalog,
                                                const std::string& given, models::EngineKind engine,
                                                const models::GpuSpec& gpu);

}  // namespace eph::scenario
