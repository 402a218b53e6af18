#include "models/llm_file.h"

#include <fmt/format.h>

#include "core/json_doc.h"
#include "core/reader.h"
#include "core/text.h"

namespace eph::models {
namespace {

int count(Reader& reader, std::string_view key, std::int64_t min = 1,
          std::optional<std::int64_t> fallback = std::nullopt) {
  return static_cast<int>(reader.integer(key, {.min = min, .max = 100'000'000}, fallback));
}

Precision precision(Reader& reader, std::string_view key, std::optional<Precision> fallback) {
  if (fallback && !reader.has(key)) return *fallback;
  const std::string text = reader.string(key);
  const auto known = parse_precision(text);
  if (!known && !text.empty())
    reader.fault(key, fmt::format("\"{}\" is not known", text),
                 "one of: bf16, fp16, fp8, fp8_block, int8, int4, mxfp4, nvfp4");
  return known.value_or(Precision::bf16);
}

void read_attention(Reader& root, LlmSpec& spec) {
  Reader attention = root.object("attention");
  spec.heads = count(attention, "heads");
  if (attention.has("mla")) {
    Reader mla = attention.object("mla");
    spec.mla.q_lora_rank = count(mla, "q_lora_rank", 0, 0);
    spec.mla.kv_lora_rank = count(mla, "kv_lora_rank");
    spec.mla.qk_nope_head_dim = count(mla, "qk_nope_head_dim");
    spec.mla.qk_rope_head_dim = count(mla, "qk_rope_head_dim");
    spec.mla.v_head_dim = count(mla, "v_head_dim");
    mla.finish();
    spec.kv_heads = spec.heads;
    spec.head_dim = spec.mla.qk_nope_head_dim + spec.mla.qk_rope_head_dim;
  } else {
    spec.kv_heads = count(attention, "kv_heads");
    spec.head_dim = count(attention, "head_dim");
    if (spec.kv_heads > 0 && spec.heads % spec.kv_heads != 0)
      attention.fault("kv_heads",
                      fmt::format("{} does not divide the {} heads", spec.kv_heads, spec.heads));
  }
  spec.attention_bias = attention.boolean("bias", false);
  spec.qk_norm = attention.boolean("qk_norm", false);
  spec.attention_output_gate = attention.boolean("output_gate", false);
  attention.finish();
}

void read_moe(Reader& root, LlmSpec& spec) {
  if (!root.has("moe")) return;
  Reader moe = root.object("moe");
  spec.moe.experts = count(moe, "experts");
  spec.moe.experts_per_token = count(moe, "experts_per_token");
  spec.moe.intermediate = count(moe, "intermediate");
  spec.moe.shared_intermediate = count(moe, "shared_intermediate", 0, 0);
  if (spec.moe.experts_per_token > spec.moe.experts)
    moe.fault("experts_per_token", fmt::format("{} is above the {} experts",
                                               spec.moe.experts_per_token, spec.moe.experts));
  moe.finish();
}

void read_linear_attention(Reader& root, LlmSpec& spec) {
  if (!root.has("linear_attention")) return;
  Reader linear = root.object("linear_attention");
  spec.linear.key_heads = count(linear, "key_heads");
  spec.linear.key_head_dim = count(linear, "key_head_dim");
  spec.linear.value_heads = count(linear, "value_heads");
  spec.linear.value_head_dim = count(linear, "value_head_dim");
  spec.linear.conv_kernel = count(linear, "conv_kernel");
  linear.finish();
}

// "pattern" lists runs of equal layers and is repeated `pattern_repeats` times; absent: all layers
// are full attention, with experts if the model has any.
void read_pattern(Reader& root, LlmSpec& spec) {
  if (!root.has("pattern")) {
    spec.groups = {LayerGroup{.count = spec.layers, .moe = spec.is_moe()}};
    return;
  }
  const int repeats = count(root, "pattern_repeats", 1, 1);
  std::vector<LayerGroup> pattern;
  for (Reader& item : root.objects("pattern")) {
    LayerGroup group;
    group.count = static_cast<int>(item.integer("layers", {.min = 1, .max = 10'000}));
    group.attention = static_cast<AttentionKind>(
        item.choice("attention", {"full", "sliding_window", "linear"}, 0));
    if (group.attention == AttentionKind::sliding_window) group.window = count(item, "window");
    if (group.attention == AttentionKind::linear && spec.linear.key_heads == 0)
      item.fault("attention", "linear layers need the section \"linear_attention\"");
    group.moe = item.boolean("moe", spec.is_moe());
    if (group.moe && !spec.is_moe())
      item.fault("moe", "layers with experts need the section \"moe\"");
    group.kv_heads = count(item, "kv_heads", 1, 0);
    group.head_dim = count(item, "head_dim", 1, 0);
    item.finish();
    pattern.push_back(group);
  }
  std::int64_t layers = 0;
  for (int repeat = 0; repeat < repeats && layers <= spec.layers; ++repeat)
    for (LayerGroup group : pattern) {
      layers += group.count;
      const int run = std::exchange(group.count, 1);
      for (int i = 0; i < run && i <= spec.layers; ++i) add_layer(spec.groups, group);
    }
  if (layers != spec.layers)
    root.fault("pattern",
               fmt::format("gives {} layers where \"layers\" says {}", layers, spec.layers));
}

PublishedParameters read_published(Reader& root) {
  Reader published = root.object("published_parameters");
  PublishedParameters out;
  out.total = published.integer("total", {.min = 1});
  if (published.has("active")) out.active = published.integer("active", {.min = 1});
  out.tolerance_percent = published.number("tolerance_percent", {.min = 0, .max = 5}, 1.0);
  out.source = published.string("source");
  published.finish();
  return out;
}

}  // namespace

Result<LlmEntry> load_llm_file(const std::string& path) {
  auto json = load_json(path);
  if (!json) return json.error();
  Diagnostics faults;
  Reader root(*json, path, faults);
  LlmEntry entry;
  LlmSpec& spec = entry.spec;
  root.integer("version", {.min = 1, .max = 1});
  spec.name = root.string("name");
  entry.aliases = root.strings("aliases", false);
  spec.family = root.string("family");
  spec.layers = static_cast<int>(root.integer("layers", {.min = 1, .max = 10'000}));
  spec.hidden = count(root, "hidden");
  spec.vocab = count(root, "vocab");
  read_attention(root, spec);
  read_moe(root, spec);
  read_linear_attention(root, spec);
  spec.intermediate =
      count(root, "intermediate", 1, spec.is_moe() ? std::optional<std::int64_t>(0) : std::nullopt);
  spec.gated_mlp = root.boolean("gated_mlp", true);
  spec.tied_embeddings = root.boolean("tied_embeddings");
  spec.norms_per_layer = count(root, "norms_per_layer", 1, 2);
  spec.max_position = root.integer("max_position", {.min = 1});
  spec.mtp_layers = count(root, "mtp_layers", 0, 0);
  spec.weights = precision(root, "weights", std::nullopt);
  spec.expert_weights = precision(root, "expert_weights", spec.weights);
  spec.embedding_weights = precision(root, "embedding_weights", spec.weights);
  read_pattern(root, spec);
  entry.published = read_published(root);
  root.strings("sources");
  root.finish();
  if (faults.ok())
    for (const LayerGroup& group : spec.groups)
      if (!group.moe && spec.intermediate == 0) {
        root.fault("intermediate", "dense layers need their width");
        break;
      }
  if (faults.ok() && !plausible_size(spec))
    root.fault("hidden", "the sizes give more than 1e15 parameters",
               "check widths, layers, experts");
  if (!faults.ok()) return faults.combined();
  return entry;
}

}  // namespace eph::models
