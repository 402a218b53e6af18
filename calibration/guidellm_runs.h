#pragma once
// Reader of GuideLLM sweeps: percentiles at synchronous, constant-rate and throughput load
// (`guidellm_sweeps.csv`).
#include "calibration/measured_run.h"
#include "core/result.h"

namespace eph::calibration {

[[nodiscard]] bool is_guidellm_runs(const CsvTable& table);
[[nodiscard]] Result<RunTable> read_guidellm_runs(CsvTable table);

}  // namespace eph::calibration
