#pragma once
// The part of the field table about fleets: "fleet", "disaggregation" and "pools".
#include <vector>

#include "scenario/fields.h"

namespace eph::scenario {

[[nodiscard]] std::vector<Field> fleet_fields();

}  // namespace eph::scenario
