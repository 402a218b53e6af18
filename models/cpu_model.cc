#include "models/cpu_model.h"

#include <algorithm>
#include <cmath>

#include "core/assert.h"
#include "models/memory.h"

namespace eph::models {

CpuModelSize::CpuModelSize(const LlmSpec& llm, Precision kv, double weight_bytes)
    : layers_(llm.layers), hidden_(llm.hidden) {
  const ParameterCount count = count_parameters(llm);
  double experts = 0;
  for (const LayerGroup& group : llm.groups) {
    experts += group.count * static_cast<double>(layer_parameters(llm, group).experts);
    Group g;
    g.layers = group.count;
    if (group.attention == AttentionKind::linear) continue;
    if (group.attention == AttentionKind::sliding_window)
      g.window = static_cast<double>(group.window);
    g.heads = llm.heads;
    g.head_dim = llm.head_dim_of(group);
    const double values = llm.is_mla() ? llm.mla.kv_lora_rank + llm.mla.qk_rope_head_dim
                                       : 2.0 * llm.kv_heads_of(group) * g.head_dim;
    g.kv_bytes = values * bytes_per_value(kv);
    groups_.push_back(g);
  }
  head_ = static_cast<double>(std::int64_t{llm.vocab} * llm.hidden);
  linear_ = static_cast<double>(count.active - count.embedding);
  if (llm.is_moe())
    expert_share_ = static_cast<double>(llm.moe.experts_per_token) / llm.moe.experts;
  const double dense = static_cast<double>(count.total - count.embedding) - experts;
  dense_bytes_ =
      dense * bytes_per_value(llm.weights) + head_ * bytes_per_value(llm.embedding_weights);
  expert_bytes_ = experts * bytes_per_value(llm.expert_weights);
  if (weight_bytes > 0) {
    const double scale = weight_bytes / models::weight_bytes(llm).as_double();
    dense_bytes_ *= scale;
    expert_bytes_ *= scale;
  }
}

// An untied embedding is looked up, not read through: it is in no pass.
CpuWork CpuModelSize::work(const BatchShape& shape, std::int64_t ubatch) const {
  CpuWork w;
  const auto tokens = static_cast<double>(shape.tokens());
  if (tokens <= 0) return w;
  const double passes = std::ceil(tokens / static_cast<double>(ubatch));
  w.layer_passes = passes * layers_;
  // Experts that some token of a pass picks, choices taken as independent and uniform.
  const double touched = expert_bytes_ > 0 ? 1 - std::pow(1 - expert_share_, tokens / passes) : 0;
  w.bytes = passes * (dense_bytes_ + touched * expert_bytes_);
  w.linear_flops = 2 * linear_ * tokens;
  w.head_flops = 2 * head_ * (shape.sampled_seqs + shape.draft_tokens);
  const auto pairs = static_cast<double>(shape.prefill_pairs);
  const auto context = static_cast<double>(shape.decode_context_tokens);
  for (const Group& g : groups_) {
    const auto prompt = static_cast<double>(shape.prefill_tokens);
    const double seen = g.window > 0 ? std::min(pairs, prompt * g.window) : pairs;
    const double read = g.window > 0 ? std::min(context, shape.decode_seqs * g.window) : context;
    w.attention_flops += 4 * g.layers * g.heads * g.head_dim * seen;
    w.attention_heads += 4 * g.layers * g.heads * seen;
    w.kv_bytes += g.layers * g.kv_bytes * read;
  }
  return w;
}

CpuStepModel::CpuStepModel(const CpuModelSize& size, const CpuRates& rates, std::int64_t ubatch)
    : size_(size), rates_(rates), ubatch_(ubatch) {
  EPH_ASSERT(ubatch >= 1 && rates.bytes_per_s > 0 && rates.flops_per_s > 0,
             "a machine of {} B/s and {} FLOP/s, {} tokens a pass", rates.bytes_per_s,
             rates.flops_per_s, ubatch);
}

double CpuStepModel::seconds(const BatchShape& shape) const noexcept {
  const CpuRates& r = rates_;
  return cpu_seconds(size_.work(shape, ubatch_), size_.hidden(), r.sync_s, 1 / r.bytes_per_s,
                     1 / r.flops_per_s, r.small_matrix, r.attention, r.head_overhead, r.kv_read);
}

StepBreakdown CpuStepModel::explain(const BatchShape& shape) const {
  const CpuWork w = size_.work(shape, ubatch_);
  const CpuRates& r = rates_;
  StepBreakdown b;
  b.gemm = w.bytes / r.bytes_per_s +
           (w.linear_flops * (1 + r.small_matrix / size_.hidden()) + w.head_flops) / r.flops_per_s;
  b.attention_prefill =
      r.attention * (w.attention_flops + r.head_overhead * w.attention_heads) / r.flops_per_s;
  b.attention_decode = r.kv_read * w.kv_bytes / r.bytes_per_s;
  b.overhead = r.sync_s * w.layer_passes;
  b.gpu = b.total = seconds(shape);
  return b;
}

}  // namespace eph::models
