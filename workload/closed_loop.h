#pragma once
// Load generators of benchmark tools: requests wait for a slot, for their planned time, or for
// both.
//
// Request i is sent at max(planned_i, instant a slot frees); a slot frees `turnaround` plus an
// exponential jitter after the request in it finished. The pattern gives the planned times:
//   concurrency   0 for all: the first C at once, then one for each that finishes
//   ramped        ramp * i / C for i < C, `ramp` for all others: GuideLLM's `throughput` strategy,
//   in
//                 which a slot serves one request during the ramp and all free slots fire at its
//                 end
//   constant      i / rate (GuideLLM's `constant`; a concurrency caps it, and then a request's send
//                 time is when its slot frees)
//   poisson       exponential gaps of mean 1 / rate, the first one ahead of request 0
//   offline       0 for all, no slots: everything is sent at once
// InferenceMAX is `concurrency` with warmup_requests = 2 C, requests = 10 C and lengths uniform in
// 0.8..1.0 of nominal: the warm-up is a closed loop of its own that ends entirely before request 0
// of the measured phase is planned. GuideLLM's `synchronous` is `concurrency` with C = 1 and a
// stage end.
#include <cstdint>
#include <memory>
#include <optional>

#include "core/result.h"
#include "core/time.h"
#include "workload/lengths.h"
#include "workload/load.h"

namespace eph::workload {

enum class LoadPattern { concurrency, ramped, constant, poisson, offline };

struct ClosedLoopConfig {
  LoadPattern pattern = LoadPattern::concurrency;
  std::int64_t concurrency = 0;      // slots; 0: no limit (constant, poisson, offline only)
  std::int64_t requests = 0;         // sent after the warm-up; 0: until stage_end
  std::int64_t warmup_requests = 0;  // sent and finished first; take() gives them as the first ones
  double rate_per_s = 0;             // constant, poisson
  Duration ramp{};                   // ramped
  Duration turnaround{};             // client's time between a last token and the next request
  Duration turnaround_jitter{};      // mean of the exponential part
  std::optional<SimTime> stage_end{};  // nothing is sent at or after it
  LengthPair lengths;                  // independent; output is also what the request allows, but
  std::int32_t max_output_tokens = 0;  // for a limit of all requests; 0: none
  std::uint64_t seed = 1;
  std::uint64_t run = 0;
};

// Errors (kind usage): no concurrency or rate where the pattern needs one, neither requests nor
// stage_end, a field that the pattern does not use, lengths out of range.
[[nodiscard]] Result<std::unique_ptr<Load>> make_closed_loop(const ClosedLoopConfig& config);

// Configurations of the tools named above; lengths are nominal token counts.
[[nodiscard]] Result<ClosedLoopConfig> inferencemax_protocol(std::int64_t concurrency,
                                                             std::int32_t prompt_tokens,
                                                             std::int32_t output_tokens,
                                                             bool separate_warmup = true);

}  // namespace eph::workload
