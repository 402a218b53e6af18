#pragma once
// From an imported run to the load that is simulated: each rule in docs/FORMATS.md "Loads".
#include "calibration/protocol.h"

namespace eph::calibration {

// Of the protocols closed_loop, open_loop, recorded and one_batch. The error says what the run
// lacks.
[[nodiscard]] Result<void> plan_imported_load(const MeasuredRun& run, RunPlan& plan);
// Puts the run's engine settings over the defaults; nothing happens where it says none.
[[nodiscard]] Result<void> use_settings(const MeasuredRun& run, RunPlan& plan);

}  // namespace eph::calibration
