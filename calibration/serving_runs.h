#pragma once
// Reader of tables of mean TTFT and TPOT at a closed-loop concurrency (`serving_runs.csv`).
#include "calibration/measured_run.h"
#include "core/result.h"

namespace eph::calibration {

// Columns by name, in any order; unknown columns are kept and ignored. Faults of all rows come
// together.
[[nodiscard]] bool is_serving_runs(const CsvTable& table);
[[nodiscard]] Result<RunTable> read_serving_runs(CsvTable table);

}  // namespace eph::calibration
