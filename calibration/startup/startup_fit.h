#pragma once
// Fits MODEL eq. 25 to measured starts.
#include <functional>
#include <string>
#include <vector>

#include "calibration/startup/startup_runs.h"
#include "models/startup.h"

namespace eph::calibration {

// Robust least squares on the logarithm, with host factors shrunk: cloud, GPU, their pair, and the
// single machine, whose own factor is left behind (a new machine has none). `used` by row; rows
// that are left out never count. Spreads and errors are not filled in.
[[nodiscard]] models::StartupModel fit_startup(const std::vector<StartupRow>& rows,
                                               const std::vector<bool>& used);

// Median seconds for each row by fits that have not seen its group; 0 for rows left out.
using StartupGroup = std::function<std::string(const StartupRow&)>;
[[nodiscard]] std::vector<double> predict_held_out(const std::vector<StartupRow>& rows,
                                                   const StartupGroup& group);

}  // namespace eph::calibration
