#pragma once
// Scenario file and flags together: flags replace what the file says.
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "app/arguments.h"
#include "scenario/check.h"
#include "scenario/scenario.h"

namespace eph::app {

// How a command takes the fields of scenario/fields.h.
struct FlagUse {
  std::vector<std::string> without;  // flags it does not have
  std::vector<std::string> lists;    // flags that take several values, repeated or with commas
  bool deployment = true;            // false: only the fields of the workload and the seed
  bool fleet = true;                 // false: without those of the fleet
  bool file = true;                  // --scenario, or the one positional word
  bool varied = false;  // one of many points: what has no effect here may have elsewhere
};

// The groups "scenario", "deployment", "fleet", "workload" and "synthetic arrivals" of --help.
[[nodiscard]] std::vector<OptionGroup> scenario_options(const FlagUse& use);

struct GatheredScenario {
  scenario::Scenario scenario;
  // One per combination of the list flags (engine x gpu x tp); exactly one where there are none.
  std::vector<scenario::DeploymentSpec> deployments;
  scenario::Given given;      // fields that file or flags set
  scenario::Given from_file;  // those that the file set and no flag replaced
  std::map<std::string, std::int64_t, std::less<>> lines;  // of the file, by field
  std::string file;                                        // empty: none
  std::vector<std::string> notes;  // of several engines: what some of them do not take
  std::vector<Error> idle;         // of varied ones: fields without effect here
};
// Every conflict and everything missing is reported at once.
[[nodiscard]] Result<GatheredScenario> gather_scenario(const Arguments& arguments,
                                                       const FlagUse& use);

}  // namespace eph::app
