#pragma once
// What a run shows a scenario's fleet section to have meant nothing.
#include <string>
#include <vector>

#include "scenario/scenario.h"
#include "sim/metrics.h"

namespace eph::scenario {

// Warnings: what was to happen after the end of the run, an upgrade that did not come to its end,
// an autoscaler that never decided, repairs that nobody waited for. They do not name the run's end,
// so that those of many runs are alike.
[[nodiscard]] std::vector<std::string> fleet_remarks(const Scenario& scenario,
                                                     const sim::RunSummary& run);

}  // namespace eph::scenario
