#include "models/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/assert.h"

namespace eph::models {
namespace {

struct Stage {
  double weights = 0;       // bytes on each rank
  double kv_per_token = 0;  // bytes on each rank
};

// Key and value numbers of one layer that one rank keeps for each token.
double kv_values(const LlmSpec& llm, const LayerGroup& group, int tp) {
  if (group.attention == AttentionKind::linear) return 0;
  if (llm.is_mla()) return llm.mla.kv_lora_rank + llm.mla.qk_rope_head_dim;
  const int heads = std::max(1, llm.kv_heads_of(group) / tp);
  return 2.0 * heads * llm.head_dim_of(group);
}

double layer_weights(const LlmSpec& llm, const LayerGroup& group, const Parallelism& layout) {
  const LayerParameters layer = layer_parameters(llm, group);
  const double tp = layout.tensor;
  const int kv_heads = llm.kv_heads_of(group);
  const double kv_share = static_cast<double>(std::max(1, kv_heads / layout.tensor)) / kv_heads;
  const double linear = static_cast<double>(layer.by_head + layer.dense) / tp +
                        static_cast<double>(layer.by_kv_head) * kv_share +
                        static_cast<double>(layer.replicated);
  const double experts = static_cast<double>(layer.experts) / (tp * layout.attention_data);
  return linear * bytes_per_value(llm.weights) + experts * bytes_per_value(llm.expert_weights) +
         static_cast<double>(layer.small) * bytes_per_value(llm.embedding_weights);
}

// Layers of each stage; a remainder goes to the stages before the last, from the back.
std::vector<int> stage_sizes(int layers, int stages) {
  std::vector<int> sizes(static_cast<std::size_t>(stages), layers / stages);
  for (int i = 0; i < layers % stages; ++i)
    ++sizes[static_cast<std::size_t>(std::max(0, stages - 2 - i))];
  return sizes;
}

std::vector<Stage> stages_of(const LlmSpec& llm, const Parallelism& layout, Precision kv) {
  std::vector<Stage> stages(static_cast<std::size_t>(layout.pipeline));
  const auto sizes = stage_sizes(llm.layers, layout.pipeline);
  std::size_t stage = 0;
  int room = sizes[0];
  for (const LayerGroup& group : llm.groups) {
    const double weights = layer_weights(llm, group, layout);
    const double kv_bytes = kv_values(llm, group, layout.tensor) * bytes_per_value(kv);
    for (int left = group.count; left > 0;) {
      while (room == 0) room = sizes[++stage];
      const int taken = std::min(left, room);
      stages[stage].weights += taken * weights;
      stages[stage].kv_per_token += taken * kv_bytes;
      left -= taken;
      room -= taken;
    }
  }
  const double table = static_cast<double>(std::int64_t{llm.vocab} * llm.hidden) *
                       bytes_per_value(llm.embedding_weights) / layout.tensor;
  stages.front().weights += table;
  if (!llm.tied_embeddings || layout.pipeline > 1) stages.back().weights += table;
  stages.back().weights += llm.hidden * bytes_per_value(llm.embedding_weights);  // final norm
  return stages;
}

// Bytes for KV blocks on each rank of the stage; negative when the weights do not fit.
double room_for_kv(EngineKind engine, const GpuSpec& gpu, const Stage& stage,
                   const KvPoolOptions& options) {
  const double memory = gpu.visible_memory.as_double();
  const double reserved = options.reserved.as_double();
  if (engine == EngineKind::trtllm)
    return options.memory_fraction * (memory - stage.weights - reserved);
  return memory * options.memory_fraction - stage.weights - reserved;
}

std::int64_t null_blocks(EngineKind engine) { return engine == EngineKind::vllm ? 1 : 0; }

// Blocks that every stage can hold; 0 or less when none.
std::int64_t count_blocks(EngineKind engine, const GpuSpec& gpu, const LlmSpec& llm,
                          const Parallelism& layout, const KvPoolOptions& options) {
  double blocks = 1e15;
  for (const Stage& stage : stages_of(llm, layout, options.kv_precision)) {
    const double room = room_for_kv(engine, gpu, stage, options);
    if (room < 0) return 0;
    if (stage.kv_per_token <= 0) continue;  // no layer of the stage keeps tokens
    blocks = std::min(
        blocks, std::floor(room / (stage.kv_per_token * static_cast<double>(options.block_size))));
  }
  return static_cast<std::int64_t>(blocks);
}

int smallest_fitting_tp(EngineKind engine, const GpuSpec& gpu, const LlmSpec& llm,
                        Parallelism layout, const KvPoolOptions& options) {
  const bool spread = layout.expert > 1;
  for (int tp = 1; tp <= gpu.max_gpus_per_node; ++tp) {
    layout.tensor = tp;
    if (spread) layout.expert = tp * layout.attention_data;
    if (check_parallelism(llm, layout) &&
        count_blocks(engine, gpu, llm, layout, options) > null_blocks(engine))
      return tp;
  }
  return 0;
}

Error does_not_fit(EngineKind engine, const GpuSpec& gpu, const LlmSpec& llm,
                   const Parallelism& layout, const KvPoolOptions& options) {
  constexpr double kGb = 1e9;
  const double weights = weight_bytes_per_rank(llm, layout).as_double();
  const double memory = gpu.visible_memory.as_double();
  std::string what = fmt::format(
      "{} does not fit on {} at tp {}{}: {:.1f} GB of weights per GPU beside {:.1f} GB reserved, "
      "and {} may use {:.0f} % "
      "of {:.1f} GB",
      llm.name, gpu.name, layout.tensor,
      layout.pipeline > 1 ? fmt::format(" pp {}", layout.pipeline) : "", weights / kGb,
      options.reserved.as_double() / kGb, display(engine), options.memory_fraction * 100,
      memory / kGb);
  const int tp = smallest_fitting_tp(engine, gpu, llm, layout, options);
  if (tp > 0)
    return infeasible_error(std::move(what), fmt::format("the smallest tp that fits is {}", tp));
  return infeasible_error(
      std::move(what), fmt::format("no tp up to {} fits; use a larger GPU, more pipeline stages or "
                                   "fewer bits",
                                   gpu.max_gpus_per_node));
}

}  // namespace

Bytes weight_bytes(const LlmSpec& llm) {
  return Bytes{std::llround(stages_of(llm, Parallelism{}, Precision::bf16).front().weights)};
}

Bytes weight_bytes_per_rank(const LlmSpec& llm, const Parallelism& layout) {
  double most = 0;
  for (const Stage& stage : stages_of(llm, layout, Precision::bf16))
    most = std::max(most, stage.weights);
  return Bytes{std::llround(most)};
}

double kv_bytes_per_token(const LlmSpec& llm, const Parallelism& layout, Precision kv) {
  double most = 0;
  for (const Stage& stage : stages_of(llm, layout, kv)) most = std::max(most, stage.kv_per_token);
  return most;
}

double kv_bytes_per_token_total(const LlmSpec& llm, Precision kv) {
  double sum = 0;
  for (const LayerGroup& group : llm.groups) sum += group.count * kv_values(llm, group, 1);
  return sum * bytes_per_value(kv);
}

Result<KvPool> kv_pool(EngineKind engine, const GpuSpec& gpu, const LlmSpec& llm,
                       const Parallelism& layout, const KvPoolOptions& options) {
  EPH_ASSERT(options.block_size > 0, "block size {}", options.block_size);
  KvPool pool;
  pool.block_size = options.block_size;
  pool.blocks = options.block_count.value_or(0);
  if (!options.block_count) pool.blocks = count_blocks(engine, gpu, llm, layout, options);
  pool.usable_blocks = pool.blocks - null_blocks(engine);
  if (pool.usable_blocks > 0) return pool;
  if (options.block_count)
    return usage_error(fmt::format("{} KV blocks leave none to use", pool.blocks),
                       "give the engine's own count");
  return does_not_fit(engine, gpu, llm, layout, options);
}

}  // namespace eph::models
