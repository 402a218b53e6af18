#pragma once
// What `vllm bench serve` and SGLang's bench_serving have in common: the second grew out of the
// first.
#include <string>

#include "calibration/readers/format.h"

namespace eph::calibration {

// mean_ttft_ms and the like: `latency` is "ttft", "tpot" or, with the tool's own name, end to end.
void read_latencies(Fields& from, std::string_view latency, Figure mean, Figure p50, Figure p90,
                    Figure p95, Figure p99, MeasuredRun& run);
// request_rate (a number, "inf" or Infinity), burstiness, max_concurrency, num_prompts: sets
// protocol, concurrency and load. `sent` is the number of requests of the run.
void read_client_load(Fields& from, std::int64_t sent, MeasuredRun& run);
// The arrays of a detailed file (input_lens, output_lens, ttfts, itls, errors, start_times,
// latencies): figures and lengths of the requests that did not fail take the place of the file's
// own. False when the file has none.
bool read_details(Fields& from, MeasuredRun& run);
// The client's backend, which names the engine's request format and usually the engine.
void read_backend(Fields& from, MeasuredRun& run);

}  // namespace eph::calibration
