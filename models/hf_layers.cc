#include "models/hf_layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace eph::models {
namespace {

bool starts_with(const std::string& text, std::string_view prefix) {
  return text.rfind(prefix, 0) == 0;
}

std::vector<AttentionKind> named_layer_types(HfKeys& keys, const Json& types, int layers) {
  std::vector<AttentionKind> kinds;
  const auto wrong = [&](std::string what) { keys.fault({"layer_types"}, std::move(what)); };
  if (!types.is_array() || types.items().size() != static_cast<std::size_t>(layers)) {
    wrong(fmt::format("expected an array of num_hidden_layers = {} names", layers));
    return kinds;
  }
  for (const Json& item : types.items()) {
    const std::string kind = item.is_string() ? item.as_string() : std::string(item.type_name());
    if (kind == "full_attention" || kind == "attention") {
      kinds.push_back(AttentionKind::full);
    } else if (kind == "sliding_attention" || kind == "chunked_attention") {
      kinds.push_back(AttentionKind::sliding_window);
    } else if (kind == "linear_attention") {
      kinds.push_back(AttentionKind::linear);
    } else {
      wrong(fmt::format("layer type \"{}\" is not understood", kind));
      return {};
    }
  }
  return kinds;
}

// Every period-th layer is full, the others are `other`.
std::vector<AttentionKind> every(int layers, int period, AttentionKind other) {
  std::vector<AttentionKind> kinds;
  for (int i = 0; i < layers; ++i)
    kinds.push_back((i + 1) % period == 0 ? AttentionKind::full : other);
  return kinds;
}

// The rules of transformers' configuration classes where `layer_types` is not written out.
std::vector<AttentionKind> implied_layer_types(HfKeys& keys, const LlmSpec& spec, bool windowed) {
  const int n = spec.layers;
  const std::string& family = spec.family;
  const auto all = [n](AttentionKind kind) {
    return std::vector<AttentionKind>(static_cast<std::size_t>(n), kind);
  };
  if (keys.has({"full_attention_interval"}))
    return every(n, keys.required({"full_attention_interval"}), AttentionKind::linear);
  if (!windowed) return all(AttentionKind::full);

  if (starts_with(family,
                  "llama4")) {  // chunked where rotary embedding is used: three of four layers
    const int step = keys.optional({"no_rope_layer_interval"}, 4, 1);
    return every(n, step, AttentionKind::sliding_window);
  }
  if (starts_with(family, "gemma3"))
    return every(n, keys.optional({"sliding_window_pattern"}, 6, 1), AttentionKind::sliding_window);
  if (family == "cohere2")
    return every(n, keys.optional({"sliding_window_pattern"}, 4, 1), AttentionKind::sliding_window);
  if (family == "gemma2" || family == "gpt_oss") return every(n, 2, AttentionKind::sliding_window);
  if (starts_with(family, "qwen2") || starts_with(family, "qwen3")) {
    auto kinds = all(AttentionKind::full);
    const int first = std::min(n, keys.optional({"max_window_layers"}, 28));
    std::fill(kinds.begin() + first, kinds.end(), AttentionKind::sliding_window);
    return kinds;
  }
  return all(AttentionKind::sliding_window);
}

// The window in tokens; 0 when the model has none or it is no shorter than its longest context.
int window_tokens(HfKeys& keys, const LlmSpec& spec) {
  if (!keys.flag({"use_sliding_window"}, true)) return 0;
  const int window = keys.optional({"sliding_window", "attention_chunk_size", "window_size"}, 0);
  return spec.max_position > 0 && window >= spec.max_position ? 0 : window;
}

bool listed(const Json* list, int layer) {
  if (list == nullptr || !list->is_array()) return false;
  const auto& items = list->items();
  return std::any_of(items.begin(), items.end(), [layer](const Json& item) {
    return item.type() == Json::Type::integer && item.as_int() == layer;
  });
}

std::vector<bool> mixture_layers(HfKeys& keys, const LlmSpec& spec) {
  std::vector<bool> mixture(static_cast<std::size_t>(spec.layers), false);
  if (!spec.is_moe()) return mixture;
  const int first = keys.optional({"first_k_dense_replace", "moe_layer_start_index"}, 0);
  const int frequency = keys.optional({"moe_layer_freq", "moe_layer_interval"}, 1, 1);
  const int step = keys.optional({"decoder_sparse_step", "interleave_moe_layer_step"}, 1, 1);
  const Json* dense = keys.find({"mlp_only_layers"});
  const Json* chosen = keys.find({"moe_layers"});
  for (int i = 0; i < spec.layers; ++i) {
    bool use = i >= first && i % frequency == 0 && (i + 1) % step == 0 && !listed(dense, i);
    if (chosen != nullptr) use = listed(chosen, i);
    mixture[static_cast<std::size_t>(i)] = use;
  }
  return mixture;
}

}  // namespace

void read_layers(HfKeys& keys, LlmSpec& spec) {
  const int window = window_tokens(keys, spec);
  const Json* types = keys.find({"layer_types"});
  const auto kinds = types != nullptr ? named_layer_types(keys, *types, spec.layers)
                                      : implied_layer_types(keys, spec, window > 0);
  const auto mixture = mixture_layers(keys, spec);
  if (kinds.size() != mixture.size()) return;  // a fault has been added

  // Gemma 4: global layers have heads of their own shape.
  const int global_kv_heads = keys.optional({"num_global_key_value_heads"}, 0);
  const int global_head_dim = keys.optional({"global_head_dim"}, 0);
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    LayerGroup layer{.count = 1, .attention = kinds[i], .moe = mixture[i]};
    if (layer.attention == AttentionKind::sliding_window) {
      layer.window = window;
      if (window == 0) layer.attention = AttentionKind::full;
    } else if (layer.attention == AttentionKind::full) {
      if (global_kv_heads != spec.kv_heads) layer.kv_heads = global_kv_heads;
      if (global_head_dim != spec.head_dim) layer.head_dim = global_head_dim;
    }
    add_layer(spec.groups, layer);
  }
}

}  // namespace eph::models
