#pragma once
// The result rows of a sweep as CSV or JSON lines.
#include <string>
#include <vector>

#include "app/sweep_points.h"

namespace eph::app {

[[nodiscard]] std::string sweep_rows(const Sweep& sweep,
                                     const std::vector<SweepRuns::Outcome>& outcomes, bool json);

}  // namespace eph::app
