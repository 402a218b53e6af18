#include "models/kv_transfer.h"

#include <algorithm>

#include "core/assert.h"

namespace eph::models {
namespace {

// Recurrent state and the inputs that the convolution still needs, on all ranks together.
double linear_state_bytes(const LinearAttention& l) {
  const double keys = double{1} * l.key_heads * l.key_head_dim;
  const double values = double{1} * l.value_heads * l.value_head_dim;
  return 4 * values * l.key_head_dim + 2 * std::max(0, l.conv_kernel - 1) * (2 * keys + values);
}

// Bytes of one token in one layer, over all receiving ranks.
double token_bytes(const LlmSpec& llm, const LayerGroup& group, int tp, Precision kv) {
  if (llm.is_mla())
    return tp * (llm.mla.kv_lora_rank + llm.mla.qk_rope_head_dim) * bytes_per_value(kv);
  return 2.0 * std::max(llm.kv_heads_of(group), tp) * llm.head_dim_of(group) * bytes_per_value(kv);
}

}  // namespace

double kv_transfer_bytes(const LlmSpec& llm, const Parallelism& to, const KvTransferOptions& o) {
  EPH_ASSERT(o.block_size > 0 && o.cached_tokens >= 0 && o.cached_tokens <= o.tokens,
             "{} of {} tokens cached, blocks of {}", o.cached_tokens, o.tokens, o.block_size);
  const auto down = [&](std::int64_t tokens) { return tokens / o.block_size * o.block_size; };
  const std::int64_t end = down(o.tokens + o.block_size - 1), known = down(o.cached_tokens);
  double sum = 0;
  for (const LayerGroup& group : llm.groups) {
    if (group.attention == AttentionKind::linear) {
      sum += group.count * linear_state_bytes(llm.linear);
      continue;
    }
    std::int64_t first = known;
    if (group.attention == AttentionKind::sliding_window)
      first = std::max(first, down(std::max<std::int64_t>(0, o.tokens - group.window)));
    sum += group.count * token_bytes(llm, group, to.tensor, o.precision) *
           static_cast<double>(std::max<std::int64_t>(0, end - first));
  }
  return sum;
}

int kv_holders(const Parallelism& layout) { return layout.tensor * layout.pipeline; }

double pushed_by_s(std::span<const double> ready_s, std::span<const double> move_s) {
  EPH_ASSERT(ready_s.size() == move_s.size(), "{} and {} pieces", ready_s.size(), move_s.size());
  double end = 0;
  for (std::size_t i = 0; i < ready_s.size(); ++i) end = std::max(end, ready_s[i]) + move_s[i];
  return end;
}

double exposed_share(double transfer_s, double prefill_s, int pieces) {
  EPH_ASSERT(pieces >= 1 && transfer_s >= 0 && prefill_s >= 0, "{} pieces, {} s after {} s", pieces,
             transfer_s, prefill_s);
  if (transfer_s <= 0) return 1;
  const double last = 1.0 / pieces;
  return std::max(last, 1 - prefill_s * (1 - last) / transfer_s);
}

}  // namespace eph::models
