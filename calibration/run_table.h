#pragma once
// Any file of measured runs, told apart by what is in it (docs/FORMATS.md).
#include "calibration/measured_run.h"
#include "calibration/run_facts.h"
#include "core/result.h"

namespace eph::calibration {

// Our own tables, results of benchmark tools, request logs, and folders of request logs. `facts`
// fill in what the file does not say. Tables keep their text; anything else gets that of the runs
// table. When every run of a file still lacks something that a simulation needs, that is an error
// that names the flag, unless `incomplete` runs are welcome; a single one among others has it as
// its problem.
[[nodiscard]] Result<RunTable> load_runs(const std::string& path, const RunFacts& facts = {},
                                         bool incomplete = false);

}  // namespace eph::calibration
