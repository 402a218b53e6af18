#pragma once
// The fleet's part of the field table.
#include <vector>

#include "scenario/fields.h"

namespace eph::scenario {

[[nodiscard]] std::vector<Field> fleet_fields();

}  // namespace eph::scenario
