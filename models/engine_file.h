#pragma once
// EngineSpec from a file of data/engines.
#include <string>

#include "core/result.h"
#include "models/engine_spec.h"

namespace eph::models {

// Strict; each rule must name its sources and say whether they were verified.
[[nodiscard]] Result<EngineSpec> load_engine_file(const std::string& path);

}  // namespace eph::models
