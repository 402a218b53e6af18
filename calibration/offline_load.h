#pragma once
// The load and the settings behind an offline maximum-throughput table (`trtllm-bench throughput`).
#include "calibration/protocol.h"

namespace eph::calibration {

// Requests that TensorRT-LLM's performance overview names for its offline runs, all there at once,
// by prompt and output length; the nearest documented pair for lengths that it does not list.
[[nodiscard]] std::int64_t offline_requests(std::int64_t isl, std::int64_t osl);

// In process, all requests at the start, and a batch as large as the tool's own tuning makes it: as
// many requests as the KV cache holds, 4096 at most; step tokens for that batch and the prompts
// that take the places of finished requests, in whole 2048s, 8192 to 32768, and always a whole
// prompt beside that batch, since prompts are not cut.
void plan_offline(const MeasuredRun& run, RunPlan& plan);

}  // namespace eph::calibration
