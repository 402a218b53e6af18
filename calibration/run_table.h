#pragma once
// Any file of measured runs, told apart by what is in it (docs/FORMATS.md).
#include "calibration/measured_run.h"
#include "calibration/run_facts.h"
#include "core/result.h"

namespace eph::calibration {

// Our own tables, results of benchmark tools, request logs, and folders of request logs. `facts` fill in
// what the file does not say. Tables keep their text; anything else gets that of the runs table.
// A run of another format that still lacks something it needs is an error that names the flag, unless
// `incomplete` runs are welcome.
[[nodiscard]] Result<RunTable> load_runs(const std::string& path, const RunFacts& facts = {},
                                         bool incomplete = false);

}  // namespace eph::calibration
