#pragma once
// What the routers that look at prompts can be told; names and defaults are those of the originals.
#include <cstdint>

#include "core/time.h"

namespace eph::sim {

// SGLang's router: the defaults of RouterArgs (sglang_router, 2026).
struct CacheAwareOptions {
  double cache_threshold = 0.3;             // share of the prompt that must match, 0..1
  std::int64_t balance_abs_threshold = 64;  // requests
  double balance_rel_threshold = 1.5;
  Duration eviction_interval = Duration{120'000'000'000};
  std::int64_t max_tree_size = std::int64_t{1} << 26;  // characters of a replica
  double chars_per_token = 4;  // ours: the original counts characters of the text
};

// The default profile of llm-d's endpoint picker (2026). Its staleness is 50 ms.
struct LlmdOptions {
  double queue_weight = 2;
  double kv_cache_utilization_weight = 2;
  double prefix_cache_weight = 3;
  std::int32_t block_tokens = 16;
  std::int32_t max_prefix_blocks = 256;           // looked at and remembered of a prompt
  std::int64_t lru_capacity_per_server = 31'250;  // blocks
};

// NVIDIA Dynamo's KV router without KV events (2026).
struct DynamoKvOptions {
  double overlap_weight = 1;
  double prefill_load_scale = 1;
  std::int32_t block_tokens = 16;
  Duration ttl = Duration{120'000'000'000};            // of a predicted block
  std::int64_t max_tree_size = std::int64_t{1} << 20;  // blocks, all replicas together
  double prune_target_ratio = 0.8;                     // of max_tree_size
};

struct PrefixHashOptions {
  std::int32_t prefix_tokens = 256;  // leading tokens that decide
};

}  // namespace eph::sim
