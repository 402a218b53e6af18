#pragma once
// Each engine's out-of-the-box limits by version and GPU memory, from data/engines.
#include <cstdint>
#include <string>

#include "core/result.h"
#include "models/engine_spec.h"
#include "models/gpu_spec.h"
#include "models/memory.h"
#include "models/parallelism.h"

namespace eph::models {

struct EngineDefaults {
  std::int64_t max_num_batched_tokens = 8192;  // vLLM; TensorRT-LLM max_num_tokens;
                                               // SGLang max_prefill_tokens; llama.cpp n_batch
  std::int64_t max_num_seqs = 1024;  // SGLang max_running_requests; TensorRT-LLM max_batch_size;
                                     // llama.cpp slots
  std::int64_t chunk_tokens = 0;     // SGLang chunked_prefill_size; llama.cpp n_ubatch;
                                     // 0: same as the budget
  bool chunked_prefill = true;
  bool async_scheduling = true;  // also SGLang's and TensorRT-LLM's overlap scheduler
  bool prefix_caching = true;
  bool admit_whole_prompt = false;      // vLLM scheduler_reserve_full_isl
  std::int64_t max_graph_tokens = 512;  // largest CUDA-graph batch, for these max_num_seqs
  KvPoolOptions kv;
};

// `version` as the engine writes it ("0.22.1", "1.0.0rc3"); empty: the newest known rules. A text
// that holds no version is a usage error. The KV precision is the model's 16-bit type, or FP8 where
// the engine takes it over from an FP8 checkpoint. `draft_mib`: what SGLang's memory formula sets
// aside for a draft model, in MiB.
[[nodiscard]] Result<EngineDefaults> engine_defaults(const EngineSpec& engine,
                                                     const std::string& version, const GpuSpec& gpu,
                                                     const LlmSpec& llm, const Parallelism& layout,
                                                     double draft_mib = 0);

// vLLM's largest captured batch when the limits are set by hand: min(2 max_num_seqs, 512, budget)
// (vllm/config/vllm.py, _set_cudagraph_sizes).
[[nodiscard]] std::int64_t vllm_max_graph_tokens(std::int64_t max_num_seqs,
                                                 std::int64_t max_num_batched_tokens);

// SGLang's max_running_requests when not given (server_args.py): min(clamp(int(kv_tokens / context
// 512), 2048, 4096), kv_tokens / 2), at least 1.
[[nodiscard]] std::int64_t sglang_max_running_requests(std::int64_t kv_tokens,
                                                       std::int64_t context_length);

}  // namespace eph::models
