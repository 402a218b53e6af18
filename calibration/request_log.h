#pragma once
// A folder with every request of one real run: meta.json (engine settings) and requests.jsonl.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"

namespace eph::calibration {

// Seconds, as written: arrival on the client's epoch clock, the others on the engine's monotonic clock.
struct LoggedRequest {
  std::string id;
  std::int64_t line = 0;
  std::int64_t prompt_tokens = 0, output_tokens = 0;
  double arrival_s = 0;
  double queued_s = 0, scheduled_s = 0, first_token_s = 0, last_token_s = 0;
};

struct RequestLog {
  std::string folder;
  std::string model, engine_version, gpu;  // gpu empty when not recorded
  std::int64_t max_num_seqs = 0, max_num_batched_tokens = 0;
  std::int64_t max_model_len = 0;  // 0: not recorded
  int tensor_parallel = 1, data_parallel = 1;
  bool expert_parallel = false;
  std::string dtype, kv_cache_dtype;
  std::optional<std::int64_t> gpu_blocks;
  std::int64_t block_size = 16;
  bool prefix_caching = true;
  std::vector<LoggedRequest> requests;  // by arrival, ties in file order
  // What puts an arrival on the engine's clock: the smallest queued - arrival. Queueing is logged only
  // when the engine's loop looks, so the smallest difference is the closest to the truth.
  double clock_offset_s = 0;
};

[[nodiscard]] bool is_request_log(const std::string& path);  // a folder that holds requests.jsonl
// Unknown keys are ignored (the log is somebody else's format); what is missing or of the wrong type is
// an error with file and line.
[[nodiscard]] Result<RequestLog> load_request_log(const std::string& folder);

}  // namespace eph::calibration
