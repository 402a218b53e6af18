#pragma once
// Scenario files: JSON with comments, strict, every fault at once (docs/SCENARIO.md).
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "core/json_doc.h"
#include "core/result.h"
#include "scenario/check.h"
#include "scenario/scenario.h"

namespace eph::scenario {

[[nodiscard]] Result<Scenario> load_scenario(const std::string& path);
[[nodiscard]] Result<Scenario> parse_scenario(const Json& json, const std::string& file);

// What a file says, complete or not: the command line may add the rest.
struct ScenarioFile {
  Scenario scenario;
  Given given;
  std::map<std::string, std::int64_t, std::less<>> lines;  // of what is given
};
[[nodiscard]] Result<ScenarioFile> load_scenario_part(const std::string& path);
[[nodiscard]] Result<ScenarioFile> parse_scenario_part(const Json& json, const std::string& file);

// JSON Schema (draft 2020-12) of what parse_scenario takes.
[[nodiscard]] Json scenario_schema();
// docs/SCENARIO.md.
[[nodiscard]] std::string scenario_markdown();

}  // namespace eph::scenario
