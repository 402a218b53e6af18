#pragma once
// What the fleet's part of a scenario contradicts, or leaves without effect.
#include "scenario/checker.h"
#include "scenario/scenario.h"

namespace eph::scenario {

void check_fleet(Checker& check, const Scenario& scenario);

}  // namespace eph::scenario
