#include "models/llm_spec.h"

#include <algorithm>

#include "core/assert.h"

namespace eph::models {
namespace {

using std::int64_t;

// DeepSeek-V2 (arXiv 2405.04434), section 2.1: down-projections to the latent, up-projections per
// head.
void add_mla(const LlmSpec& spec, LayerParameters& sum) {
  const Mla& mla = spec.mla;
  const int64_t heads = spec.heads;
  const int64_t hidden = spec.hidden;
  const int64_t query = mla.qk_nope_head_dim + mla.qk_rope_head_dim;
  if (mla.q_lora_rank > 0) {
    sum.replicated += hidden * mla.q_lora_rank;
    sum.small += mla.q_lora_rank;  // norm of the latent
    sum.by_head += int64_t{mla.q_lora_rank} * heads * query;
  } else {
    sum.by_head += hidden * heads * query;
  }
  sum.replicated += hidden * (mla.kv_lora_rank + mla.qk_rope_head_dim);
  sum.small += mla.kv_lora_rank;
  sum.by_head += int64_t{mla.kv_lora_rank} * heads * (mla.qk_nope_head_dim + mla.v_head_dim);
  sum.by_head += heads * mla.v_head_dim * hidden;
}

void add_attention(const LlmSpec& spec, const LayerGroup& group, LayerParameters& sum) {
  const int64_t hidden = spec.hidden;
  const int64_t head_dim = spec.head_dim_of(group);
  const int64_t query = spec.heads * head_dim;
  const int64_t key = spec.kv_heads_of(group) * head_dim;
  const int64_t gate = spec.attention_output_gate ? query : 0;
  sum.by_head += hidden * (query + gate) + query * hidden;
  sum.by_kv_head += 2 * hidden * key;
  if (spec.attention_bias) sum.small += query + gate + 2 * key;
  if (spec.qk_norm) sum.small += 2 * head_dim;
}

// Gated DeltaNet (arXiv 2412.06464) as in Qwen3-Next: q, k, v, z and the two gates per value head.
void add_linear_attention(const LlmSpec& spec, LayerParameters& sum) {
  const LinearAttention& linear = spec.linear;
  const int64_t hidden = spec.hidden;
  const int64_t key = int64_t{linear.key_heads} * linear.key_head_dim;
  const int64_t value = int64_t{linear.value_heads} * linear.value_head_dim;
  sum.by_head += hidden * (2 * key + 2 * value) + value * hidden;
  sum.by_head += hidden * 2 * linear.value_heads;
  sum.small +=
      (2 * key + value) * linear.conv_kernel + 2 * linear.value_heads + linear.value_head_dim;
}

int64_t feed_forward(const LlmSpec& spec, int64_t width) {
  return (spec.gated_mlp ? 3 : 2) * int64_t{spec.hidden} * width;
}

}  // namespace

void add_layer(std::vector<LayerGroup>& groups, const LayerGroup& shape) {
  EPH_ASSERT(shape.count == 1, "a layer is added one at a time, not {}", shape.count);
  if (!groups.empty()) {
    LayerGroup last = groups.back();
    last.count = 1;
    if (last == shape) {
      ++groups.back().count;
      return;
    }
  }
  groups.push_back(shape);
}

LayerParameters layer_parameters(const LlmSpec& spec, const LayerGroup& group) {
  LayerParameters sum;
  if (group.attention == AttentionKind::linear)
    add_linear_attention(spec, sum);
  else if (spec.is_mla())
    add_mla(spec, sum);
  else
    add_attention(spec, group, sum);

  if (group.moe) {
    sum.experts = spec.moe.experts * feed_forward(spec, spec.moe.intermediate);
    sum.dense = feed_forward(spec, spec.moe.shared_intermediate);
    sum.small += int64_t{spec.hidden} * spec.moe.experts;  // router
  } else {
    sum.dense = feed_forward(spec, spec.intermediate);
  }
  sum.small += int64_t{spec.norms_per_layer} * spec.hidden;
  return sum;
}

ParameterCount count_parameters(const LlmSpec& spec) {
  ParameterCount count;
  count.embedding = (spec.tied_embeddings ? 1 : 2) * int64_t{spec.vocab} * spec.hidden;
  count.total = count.embedding + spec.hidden;  // final norm
  count.active = count.total;
  for (const LayerGroup& group : spec.groups) {
    const LayerParameters layer = layer_parameters(spec, group);
    int64_t used = layer.total() - layer.experts;
    if (group.moe) used += layer.experts / spec.moe.experts * spec.moe.experts_per_token;
    count.total += group.count * layer.total();
    count.active += group.count * used;
  }
  return count;
}

bool plausible_size(const LlmSpec& spec) {
  const double hidden = spec.hidden;
  const double heads = spec.heads;
  double head_dim = spec.head_dim + spec.mla.v_head_dim;
  for (const LayerGroup& group : spec.groups)
    head_dim = std::max(head_dim, double{1} * group.head_dim);
  const double latent = spec.mla.q_lora_rank + spec.mla.kv_lora_rank;
  const double linear = 2.0 * spec.linear.key_heads * spec.linear.key_head_dim +
                        3.0 * spec.linear.value_heads * spec.linear.value_head_dim +
                        2.0 * spec.linear.value_heads + spec.linear.conv_kernel;
  const double experts = double{1} * spec.moe.experts * spec.moe.intermediate;
  const double layer = hidden * (5 * heads * head_dim + latent + linear + spec.moe.experts) +
                       latent * heads * 2 * head_dim +
                       3 * hidden * (experts + spec.moe.shared_intermediate + spec.intermediate);
  return layer * spec.layers + 2 * hidden * spec.vocab < 1e15;
}

LlmSpec with_weights(LlmSpec spec, Precision weights) {
  spec.weights = weights;
  spec.expert_weights = weights;
  if (is_gguf(weights)) spec.embedding_weights = weights;
  return spec;
}

}  // namespace eph::models
