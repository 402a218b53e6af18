#pragma once
// Memory of one rank: weights, KV bytes, and the KV blocks that each engine would allocate.
#include <cstdint>
#include <optional>

#include "core/result.h"
#include "models/engine_kind.h"
#include "models/gpu_spec.h"
#include "models/llm_spec.h"
#include "models/parallelism.h"

namespace eph::models {

// All weights of the model, once: what is stored and loaded.
[[nodiscard]] Bytes weight_bytes(const LlmSpec& llm);

// Weights held by the fullest rank: attention and dense layers / tp (KV projections replicated when
// tp > kv heads), experts / (tp x attention dp) whether they are cut or spread, vocabulary / tp,
// layers over the pipeline stages as vLLM's get_pp_indices does (the remainder to the stages before
// the last).
[[nodiscard]] Bytes weight_bytes_per_rank(const LlmSpec& llm, const Parallelism& layout);

// Bytes that one token adds to the KV cache of one rank of the fullest stage, over all its layers
// that keep every token. GQA: 2 * layers * max(1, kv_heads / tp) * head_dim * bytes; MLA: layers *
// (kv_lora_rank + qk_rope_head_dim) * bytes, not divided by tp. Sliding-window layers
// count in full: the engines' uniform allocators do so. Linear-attention layers add nothing per
// token.
[[nodiscard]] double kv_bytes_per_token(const LlmSpec& llm, const Parallelism& layout,
                                        Precision kv);
// All ranks together: what a prefill-to-decode transfer moves.
[[nodiscard]] double kv_bytes_per_token_total(const LlmSpec& llm, Precision kv);

// Settings that decide the KV pool, with the engines' own names and defaults (engine_defaults.h).
struct KvPoolOptions {
  std::int64_t block_size = 16;  // tokens per block
  double memory_fraction = 0.9;  // vLLM gpu_memory_utilization; SGLang mem_fraction_static;
                                 // TensorRT-LLM free_gpu_memory_fraction
  Bytes reserved{0};             // activations, graphs, context of one GPU: fitted or measured
  Precision kv_precision = Precision::bf16;
  std::optional<std::int64_t> block_count = {};  // from an engine's log: overrides everything above
};

// Of one attention-data rank: a replica with data-parallel attention has that many such pools.
struct KvPool {
  std::int64_t blocks = 0;  // as the engine reports it
  std::int64_t block_size = 0;
  std::int64_t usable_blocks = 0;  // vLLM keeps one null block
  [[nodiscard]] std::int64_t usable_tokens() const { return usable_blocks * block_size; }
};

// With M = the GPU's visible memory, W = weights of the rank, f = memory_fraction, R = reserved:
//   vLLM, SGLang, llama.cpp: M f - W - R bytes;  TensorRT-LLM: f (M - W - R)
// in whole blocks of block_size tokens; the pipeline stage with the fewest decides. `layout` must
// have passed check_parallelism. Kind infeasible when the weights do not fit or not even one block
// remains: says the sizes and the smallest tp that fits, if any.
[[nodiscard]] Result<KvPool> kv_pool(EngineKind engine, const GpuSpec& gpu, const LlmSpec& llm,
                                     const Parallelism& layout, const KvPoolOptions& options);

}  // namespace eph::models
