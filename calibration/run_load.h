#pragma once
// What a benchmark tool's file says of the load it sent and of the engine's settings.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace eph::calibration {

// One request as a tool recorded it; at_s counts from the first one sent.
struct RecordedRequest {
  double at_s = 0;
  std::int32_t prompt_tokens = 1, output_tokens = 1;
};

// With MeasuredRun's protocol, concurrency, stage_s and ramp_s this is the whole load.
struct RunLoad {
  std::int64_t requests = 0;  // sent in total; 0: until the stage ends
  double rate = 0;            // requests per second of an open loop
  double burstiness = 0;      // open loop: gamma shape of the gaps, 1 is Poisson; 0: evenly spaced
  double shortest_share = 1.0;  // lengths uniform in [share * nominal, nominal]
  double turn_s = 0;            // closed loop: client time between two requests of one slot
  double count_from_s = 0;      // requests that end earlier are warm-up
  bool in_process = false;      // no API server and no HTTP between the clock and the engine
  // Each request, where the file has them: their lengths are used in this order; null otherwise.
  std::shared_ptr<const std::vector<RecordedRequest>> recorded;
};

// 0 or empty: not said, so the engine's default.
struct EngineSettings {
  std::string kv_dtype;
  std::int64_t max_num_seqs = 0;
  std::int64_t max_num_batched_tokens = 0;
  std::int64_t chunk_tokens = 0;  // SGLang; -1: prompts are not cut
  double memory_fraction = 0;
  std::int64_t kv_blocks = 0;  // of the engine's own block size, from its log
};

}  // namespace eph::calibration
