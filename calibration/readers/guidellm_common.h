#pragma once
// What GuideLLM's result layouts have in common.
#include "calibration/readers/format.h"
#include "calibration/readers/per_request.h"

namespace eph::calibration {

// The summary of the successful requests. inter_token_latency_ms is (last - first) / (n - 1), its
// mean weighted by tokens; time_per_output_token_ms means different things in different versions
// and is left out.
void read_guidellm_metrics(Fields& from, MeasuredRun& run);
// `strategy` is the path of the object with type_, rate, streams, max_concurrency.
void read_guidellm_strategy(Fields& from, std::string_view strategy, MeasuredRun& run);
// Whether the list holds every successful request, so that it can stand for the summary.
// `successful` is 0 when the file does not say.
[[nodiscard]] bool lists_all(const std::vector<RequestTimes>& requests, std::int64_t successful);

}  // namespace eph::calibration
