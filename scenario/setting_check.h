#pragma once
// Which engine options go together, with the deployment's fields and with each other.
#include "scenario/checker.h"
#include "scenario/scenario.h"

namespace eph::scenario {

void check_settings(Checker& check, const DeploymentSpec& spec);

}  // namespace eph::scenario
