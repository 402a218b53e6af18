#pragma once
// A request-log folder (calibration/request_log.h) as one run with recorded arrivals.
#include "calibration/measured_run.h"
#include "core/result.h"

namespace eph::calibration {

[[nodiscard]] Result<MeasuredRun> read_log_folder(const std::string& folder);

}  // namespace eph::calibration
