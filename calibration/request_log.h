#pragma once
// A folder with every request of one real run: requests.jsonl, and meta.json with the engine's
// settings.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "models/engine_kind.h"
#include "workload/arrival.h"

namespace eph::calibration {

// Seconds, as written: arrival on the client's epoch clock, the others on the engine's monotonic
// clock. A log without queued_ts has all times on one clock. NaN where not logged.
struct LoggedRequest {
  std::string id;
  std::int64_t line = 0;
  std::int64_t prompt_tokens = 0, output_tokens = 0;
  double arrival_s = 0;
  double queued_s = 0, scheduled_s = 0, first_token_s = 0, last_token_s = 0;
  // Leading prompt tokens that requests of the same group have in common, as far as it is known.
  std::uint32_t prefix_group = workload::kNoPrefixGroup;
  std::int64_t prefix_tokens = 0;
};

// What the user says about a run; takes precedence over meta.json, which may then be absent.
struct LogFacts {
  std::optional<models::EngineKind> engine;
  std::optional<std::string> engine_version, gpu, model, dtype;
  std::optional<std::int64_t> tensor_parallel, data_parallel;
  std::optional<std::int64_t> max_num_seqs, max_num_batched_tokens, max_model_len;
  std::optional<std::int64_t> kv_blocks, block_size;
  std::string prefixes;  // CSV: request_id, prefix_group, prefix_tokens; empty: none are known

  friend bool operator==(const LogFacts&, const LogFacts&) = default;
};

struct RequestLog {
  std::string folder;
  models::EngineKind engine = models::EngineKind::vllm;
  std::string model, engine_version, gpu;  // gpu empty when not recorded
  std::int64_t max_num_seqs = 0,
               max_num_batched_tokens = 0;  // 0: not recorded, the engine's default
  std::int64_t max_model_len = 0;           // 0: not recorded
  int tensor_parallel = 1, data_parallel = 1;
  bool expert_parallel = false;
  std::string dtype, kv_cache_dtype;
  std::optional<std::int64_t> gpu_blocks;
  std::int64_t block_size = 16;
  bool prefix_caching = true;
  std::vector<LoggedRequest> requests;  // by arrival, ties in file order
  // What puts an arrival on the engine's clock: the smallest queued - arrival. Queueing is logged
  // only when the engine's loop looks, so the smallest difference is the closest to the truth. 0
  // when all times are on one clock.
  double clock_offset_s = 0;

  [[nodiscard]] double arrival_on_engine_clock(const LoggedRequest& r) const {
    return r.arrival_s + clock_offset_s;
  }
};

[[nodiscard]] bool is_request_log(const std::string& path);  // a folder that holds requests.jsonl
// Unknown keys are ignored (the log is somebody else's format); what is missing or of the wrong
// type is an error with file and line.
[[nodiscard]] Result<RequestLog> load_request_log(const std::string& folder,
                                                  const LogFacts& facts = {});

}  // namespace eph::calibration
