#pragma once
// Any table of measured runs, told apart by its header.
#include "calibration/measured_run.h"
#include "core/result.h"

namespace eph::calibration {

[[nodiscard]] Result<RunTable> load_runs(const std::string& path);

}  // namespace eph::calibration
