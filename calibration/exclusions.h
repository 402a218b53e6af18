#pragma once
// Which measured figures are not scored, and why.
#include "calibration/protocol.h"

namespace eph::calibration {

// Fills plan.scored and plan.left_out. Rows are still predicted.
void set_scored_figures(const MeasuredRun& run, RunPlan& plan);

}  // namespace eph::calibration
