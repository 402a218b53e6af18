#pragma once
// Scenario files: JSON with comments, strict, every fault at once (docs/SCENARIO.md).
#include <string>

#include "core/json_doc.h"
#include "core/result.h"
#include "scenario/scenario.h"

namespace eph::scenario {

[[nodiscard]] Result<Scenario> load_scenario(const std::string& path);
[[nodiscard]] Result<Scenario> parse_scenario(const Json& json, const std::string& file);
// JSON Schema (draft 2020-12) of what parse_scenario takes.
[[nodiscard]] Json scenario_schema();

}  // namespace eph::scenario
