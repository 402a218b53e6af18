#pragma once
// Each engine's out-of-the-box limits by version and GPU memory (ENGINES A2, B5, C2).
#include <cstdint>
#include <string>

#include "models/engine_kind.h"
#include "models/gpu_spec.h"
#include "models/memory.h"
#include "models/parallelism.h"

namespace eph::models {

struct EngineDefaults {
  std::int64_t max_num_batched_tokens = 8192;  // vLLM; TensorRT-LLM max_num_tokens;
                                               // SGLang max_prefill_tokens
  std::int64_t max_num_seqs = 1024;            // SGLang max_running_requests; TensorRT-LLM max_batch_size
  std::int64_t chunk_tokens = 0;               // SGLang chunked_prefill_size; 0: same as the budget
  bool chunked_prefill = true;
  bool async_scheduling = true;                // also SGLang's and TensorRT-LLM's overlap scheduler
  std::int64_t max_graph_tokens = 512;         // largest CUDA-graph batch
  KvPoolOptions kv;
};

// `version` as the engine writes it ("0.22.1"); empty: the newest known rules.
[[nodiscard]] EngineDefaults engine_defaults(EngineKind engine, const std::string& version,
                                             const GpuSpec& gpu, const Parallelism& layout);

}  // namespace eph::models
