#include "models/step_ops.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace eph::models {
namespace {

struct Builder {
  const StepContext& c;
  const LlmSpec& llm;
  double tp;
  Kernel weights;
  StepOps ops;

  explicit Builder(const StepContext& context)
      : c(context),
        llm(context.llm),
        tp(context.layout.tensor),
        weights(kernel_for(context.llm.weights, context.gpu)) {}

  void gemm(double count, double n, double k) { gemm(count, n, k, weights); }
  // Alike layers are one entry: models alternate kinds of attention layer by layer.
  void gemm(double count, double n, double k, const Kernel& kernel) {
    if (count <= 0 || n <= 0 || k <= 0) return;
    for (GemmOp& op : ops.gemms) {
      if (op.size.n == n && op.size.k == k && op.kernel.group == kernel.group) {
        op.count += count;
        return;
      }
    }
    ops.gemms.push_back({{n, k}, count, kernel});
  }
  void attention(const AttentionOp& op) {
    for (AttentionOp& old : ops.attentions) {
      if (old.window != op.window) continue;
      old.decode_per_token += op.decode_per_token;
      old.decode_memory += op.decode_memory;
      old.decode_compute += op.decode_compute;
      old.decode_per_seq += op.decode_per_seq;
      old.prefill_flop_per_pair += op.prefill_flop_per_pair;
      old.prefill_flop_per_token += op.prefill_flop_per_token;
      old.prefill_byte_per_token += op.prefill_byte_per_token;
      old.prefill_byte_per_past += op.prefill_byte_per_past;
      return;
    }
    ops.attentions.push_back(op);
  }
  [[nodiscard]] double heads() const { return std::max(1.0, llm.heads / tp); }
  [[nodiscard]] double kv_heads() const { return std::max(1.0, llm.kv_heads / tp); }  // replicated

  // Values that rotary embedding and the norms of queries and keys touch, per token.
  [[nodiscard]] double query_key_width() const {
    if (llm.is_mla()) return heads() * (llm.mla.qk_nope_head_dim + llm.mla.qk_rope_head_dim);
    return (heads() + kv_heads()) * llm.head_dim;
  }

  void softmax_projections(double count) {
    const double h = llm.hidden;
    if (llm.is_mla()) {
      const Mla& m = llm.mla;
      const double q = heads() * (m.qk_nope_head_dim + m.qk_rope_head_dim);
      // The compressing matrices are replicated on every rank and run as one.
      gemm(count, m.q_lora_rank + m.kv_lora_rank + m.qk_rope_head_dim, h);
      gemm(count, q, m.q_lora_rank > 0 ? m.q_lora_rank : h);
      // For decodes the same weights are applied to queries and outputs instead (absorbed).
      gemm(count, heads() * (m.qk_nope_head_dim + m.v_head_dim), m.kv_lora_rank);
      gemm(count, h, heads() * m.v_head_dim);
      return;
    }
    const double q = heads() * llm.head_dim * (llm.attention_output_gate ? 2 : 1);
    gemm(count, q + 2 * kv_heads() * llm.head_dim, h);
    gemm(count, h, heads() * llm.head_dim);
  }

  void linear_projections(double count) {
    const LinearAttention& l = llm.linear;
    const double value = l.value_heads * l.value_head_dim / tp;
    const double key = l.key_heads * l.key_head_dim / tp;
    gemm(count, 2 * key + 2 * value + 2 * l.value_heads / tp, llm.hidden);
    gemm(count, llm.hidden, value);
  }

  void feed_forward(const LayerGroup& group) {
    const double h = llm.hidden, n = group.count;
    const double wide = llm.gated_mlp ? 2 : 1;
    const double inter = (group.moe ? llm.moe.shared_intermediate : llm.intermediate) / tp;
    gemm(n, wide * inter, h);
    gemm(n, h, inter);
    ops.elementwise_per_token += n * (wide + 1) * 2 * inter;  // bytes until finish()
    if (!group.moe) return;
    gemm(n, llm.moe.experts, h, kernel_for(Precision::bf16, c.gpu));
    if (!ops.moes.empty()) {
      ops.moes.front().layers += n;
      return;
    }
    const double ranks = c.layout.tensor * c.layout.attention_data;
    MoeOp moe;
    moe.layers = n;
    moe.kernel = kernel_for(llm.expert_weights, c.gpu);
    moe.size = {static_cast<double>(llm.moe.experts),
                static_cast<double>(llm.moe.experts_per_token),
                static_cast<double>(c.layout.expert),
                h,
                llm.moe.intermediate * c.layout.expert / ranks,
                wide + 1};
    ops.moes.push_back(moe);
  }

  void softmax_attention(double count, double window) {
    const AttentionConstants& a = c.operators.attention;
    const double kv_bytes = bytes_per_value(c.kv_precision);
    const double bandwidth = c.gpu.memory_bandwidth.value, flops = c.gpu.bf16.value;
    double memory_share =
        kv_bytes < 1.5 ? a.decode_memory_efficiency_8bit : a.decode_memory_efficiency;
    double compute_share = a.decode_compute_efficiency;
    double prefill_share = a.prefill_compute_efficiency;
    // Values read and flops spent per token of context; latent attention reads one latent for all
    // heads.
    double context_values = 2 * kv_heads() * llm.head_dim;
    double decode_flops = 4 * heads() * llm.head_dim;
    double pair_flops = decode_flops, token_values = 2 * (heads() + kv_heads()) * llm.head_dim;
    if (llm.is_mla()) {
      const Mla& m = llm.mla;
      const double qk = m.qk_nope_head_dim + m.qk_rope_head_dim;
      memory_share = a.mla_decode_memory_efficiency;
      compute_share = a.mla_decode_compute_efficiency;
      prefill_share = a.mla_prefill_compute_efficiency;
      context_values = m.kv_lora_rank + m.qk_rope_head_dim;
      decode_flops = 2 * heads() * (context_values + m.kv_lora_rank);
      pair_flops = 2 * heads() * (qk + m.v_head_dim);
      token_values = 2 * heads() * (qk + m.v_head_dim);
    }
    AttentionOp op;
    op.window = window;
    const double memory = context_values * kv_bytes / (memory_share * bandwidth);
    const double compute = decode_flops / (compute_share * flops);
    op.decode_per_token = count * std::hypot(memory, compute);
    op.decode_memory = count * memory;
    op.decode_compute = count * compute;
    op.prefill_flop_per_pair = count * pair_flops / (prefill_share * flops);
    op.prefill_flop_per_token = op.prefill_flop_per_pair * a.prefill_extra_keys;
    const double per_byte = count / (a.prefill_memory_efficiency * bandwidth);
    op.prefill_byte_per_token = per_byte * token_values * 2;
    op.prefill_byte_per_past = per_byte * context_values * kv_bytes;
    attention(op);
  }

  // Gated delta rule: the state (32 bit) is read and written once per decoding sequence; a prompt
  // runs in chunks of 64 tokens, three matrix products with the state and two inside the chunk.
  void linear_attention(double count) {
    const LinearAttention& l = llm.linear;
    const double state =
        l.value_heads * l.key_head_dim * static_cast<double>(l.value_head_dim) / tp;
    AttentionOp op;
    op.decode_per_seq =
        count * 2 * 4 * state /
        (c.operators.attention.decode_memory_efficiency * c.gpu.memory_bandwidth.value);
    const double chunk = 64 * l.value_heads * (l.key_head_dim + l.value_head_dim) / tp;
    op.prefill_flop_per_token =
        count * (6 * state + 4 * chunk) /
        (c.operators.attention.linear_prefill_compute_efficiency * c.gpu.bf16.value);
    attention(op);
  }

  void layer_group(const LayerGroup& group) {
    const double n = group.count;
    if (group.attention == AttentionKind::linear) {
      linear_projections(n);
      linear_attention(n);
    } else {
      softmax_projections(n);
      softmax_attention(n, group.attention == AttentionKind::sliding_window
                               ? static_cast<double>(group.window)
                               : std::numeric_limits<double>::infinity());
      ops.elementwise_per_token += n * 4 * query_key_width() * (llm.qk_norm ? 2 : 1);
    }
    feed_forward(group);
    // A norm reads and writes the hidden state and the residual.
    ops.elementwise_per_token += n * 8.0 * llm.norms_per_layer * llm.hidden;
    ops.layers += n;
    // 1.3 for gemma-2's four norms a layer (docs/MODEL.md, "Step time").
    ops.overhead_layers += n * (1 + 0.15 * std::max(0, llm.norms_per_layer - 2));
    if (c.layout.tensor > 1) ops.attention_allreduces += n;
    if (group.moe && c.layout.tensor * c.layout.attention_data > 1) ops.moe_allreduces += n;
    if (!group.moe && c.layout.tensor > 1) ops.dense_allreduces += n;
  }

  StepOps finish() {
    const double h = llm.hidden;
    ops.elementwise_per_token /= 0.8 * c.gpu.memory_bandwidth.value;
    ops.hidden_bytes = 2 * h;
    ops.head = {{llm.vocab / tp, h}, 1, kernel_for(llm.embedding_weights, c.gpu)};
    return std::move(ops);
  }
};

}  // namespace

StepOps step_ops(const StepContext& context) {
  Builder builder(context);
  for (const LayerGroup& group : context.llm.groups) builder.layer_group(group);
  return builder.finish();
}

}  // namespace eph::models
