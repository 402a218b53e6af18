#pragma once
// Fits a compact step model on a request log alone.
#include <string>

#include "calibration/log_replay.h"
#include "calibration/request_log.h"
#include "models/compact_model.h"

namespace eph::calibration {

// Which requests and events a fit may see.
struct LogTraining {
  std::size_t requests = 0;  // the first so many, by arrival
  double until_s = 0;        // and of them only events before this, on the engine's clock
};
[[nodiscard]] LogTraining whole_log(const RequestLog& log);
// Requests 0 .. n/2 - 1, and only what happened before half of all requests had completed.
[[nodiscard]] LogTraining first_half(const RequestLog& log);

struct LogFit {
  models::CompactProfile profile;
  int simulations = 0;
  double duration_error = 0;  // median of |predicted / measured - 1| of the decode times used
};

// Where the fit starts and what it is held to when the log does not tell: the roofline of the
// deployment at typical efficiencies (MODEL eq. 24), with a standard deviation of each logarithm.
struct CompactPrior {
  models::CompactValues value{}, log_sd{};
  double expert_stream_ms = 0, expert_share = 0;
};
[[nodiscard]] CompactPrior compact_prior(const models::StepContext& context);

// Simulate, linearise with the schedule held fixed, solve, repeat. Fails with fewer than ten events
// to fit.
[[nodiscard]] Result<LogFit> fit_log(const RequestLog& log, const LogSetup& setup,
                                     const LogTraining& training);

}  // namespace eph::calibration
