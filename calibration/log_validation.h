#pragma once
// Replays a request log with its engine settings and compares request by request.
#include "calibration/log_replay.h"
#include "calibration/validate.h"

namespace eph::calibration {

// Step model: the given profile; else, with second_half, one fitted on the first half of the log
// alone (log_fit.h); else the folder's layer_profile/ if there is one; else the engine profile for
// the GPU. Output: one CSV row a request: the log's own fields as given, then queue_ms, ttft_ms,
// tpot_ms, e2e_ms derived from them, and pred_ of each, and status.
[[nodiscard]] Result<ValidateReport> validate_log(const ValidateOptions& options,
                                                  const models::Catalog& catalog);

}  // namespace eph::calibration
