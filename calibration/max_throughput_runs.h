#pragma once
// Reader of offline maximum-throughput tables (`trtllm_max_throughput.csv`).
#include "calibration/measured_run.h"
#include "core/result.h"

namespace eph::calibration {

[[nodiscard]] bool is_max_throughput_runs(const CsvTable& table);
[[nodiscard]] Result<RunTable> read_max_throughput_runs(CsvTable table);

}  // namespace eph::calibration
