#pragma once
// Figures of a run from its single requests.
#include <vector>

#include "calibration/measured_run.h"

namespace eph::calibration {

// On the client's clock.
struct RequestTimes {
  double sent_s = 0;
  double ttft_s = 0, e2e_s = 0;  // after sent_s
  std::int32_t prompt_tokens = 0, output_tokens = 0;
};

// Sets mean and percentiles of TTFT, TPOT ((last - first) / (n - 1), requests of one token left
// out) and end-to-end time, the mean lengths and the recorded requests (in the given order).
// `requests` must not be empty.
void set_request_figures(const std::vector<RequestTimes>& requests, MeasuredRun& run);
// Requests, output and total tokens per second of `duration_s`.
void set_rates(const std::vector<RequestTimes>& requests, double duration_s, MeasuredRun& run);
// Sorts by time sent and makes the first one time 0; returns that time.
double start_at_zero(std::vector<RequestTimes>& requests);
// From the first request sent to the last token.
[[nodiscard]] double span_s(const std::vector<RequestTimes>& requests);

}  // namespace eph::calibration
