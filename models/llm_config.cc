#include "models/llm_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "models/hf_keys.h"
#include "models/hf_layers.h"
#include "models/hf_quantization.h"

namespace eph::models {
namespace {

bool one_of(const std::string& word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool starts_with(const std::string& text, std::string_view prefix) {
  return text.rfind(prefix, 0) == 0;
}

// What the architecture implies and its config files do not write out.
void apply_family(HfKeys& keys, LlmSpec& spec) {
  const std::string& family = spec.family;
  const bool gemma = starts_with(family, "gemma");
  spec.gated_mlp = !one_of(family, {"gpt2", "gptj", "gpt_neo", "gpt_neox", "gpt_bigcode", "opt",
                                    "falcon", "phi", "bloom", "mpt", "starcoder2", "nemotron"});
  spec.tied_embeddings =
      keys.flag({"tie_word_embeddings"},
                gemma || one_of(family, {"gpt2", "opt", "bloom", "cohere", "cohere2"}));
  const bool bias =
      keys.flag({"attention_bias", "qkv_bias", "use_qkv_bias"},
                starts_with(family, "qwen2") || one_of(family, {"gpt2", "opt", "phi", "bloom"}));
  spec.attention_bias = bias;
  spec.qk_norm = keys.flag({"use_qk_norm", "qk_layernorm"},
                           starts_with(family, "qwen3") || starts_with(family, "gemma3") ||
                               starts_with(family, "gemma4") || one_of(family, {"olmo2", "olmoe"}));
  spec.attention_output_gate = keys.flag({"attn_output_gate"}, family == "qwen3_next");
  const bool sandwich_norms = gemma && family != "gemma";
  const bool parallel_block = one_of(family, {"gptj", "phi", "falcon", "cohere", "cohere2"});
  spec.norms_per_layer = sandwich_norms ? 4 : parallel_block ? 1 : 2;
}

void read_mla(HfKeys& keys, LlmSpec& spec) {
  spec.mla.kv_lora_rank = keys.optional({"kv_lora_rank"}, 0);
  if (!spec.is_mla()) return;
  spec.mla.q_lora_rank = keys.optional({"q_lora_rank"}, 0);
  spec.mla.qk_nope_head_dim = keys.required({"qk_nope_head_dim"});
  spec.mla.qk_rope_head_dim = keys.required({"qk_rope_head_dim"});
  spec.mla.v_head_dim = keys.required({"v_head_dim"});
}

void read_heads(HfKeys& keys, LlmSpec& spec) {
  spec.heads = keys.required({"num_attention_heads", "n_head", "n_heads"});
  read_mla(keys, spec);
  if (spec.is_mla()) {
    spec.kv_heads = spec.heads;
    spec.head_dim = spec.mla.qk_nope_head_dim + spec.mla.qk_rope_head_dim;
    return;
  }
  const bool multi_query =
      keys.flag({"multi_query"}, false) && !keys.flag({"new_decoder_architecture"}, false);
  spec.kv_heads = keys.optional({"num_key_value_heads", "num_kv_heads", "n_head_kv", "n_kv_heads"},
                                multi_query ? 1 : spec.heads, 1);
  if (spec.heads % spec.kv_heads != 0)
    keys.fault({"num_key_value_heads", "num_kv_heads", "n_head_kv", "n_kv_heads"},
               fmt::format("{} key-value heads do not divide the {} attention heads", spec.kv_heads,
                           spec.heads));
  spec.head_dim = keys.optional({"head_dim", "kv_channels"}, 0, 1);
  if (spec.head_dim > 0) return;
  if (spec.hidden % spec.heads != 0)
    keys.fault(
        {"num_attention_heads", "n_head", "n_heads"},
        fmt::format("{} attention heads do not divide the hidden size {}", spec.heads, spec.hidden),
        "state head_dim");
  spec.head_dim = std::max(1, spec.hidden / spec.heads);
}

void read_linear_attention(HfKeys& keys, LlmSpec& spec) {
  if (!keys.has({"linear_num_key_heads"})) return;
  spec.linear.key_heads = keys.required({"linear_num_key_heads"});
  spec.linear.key_head_dim = keys.required({"linear_key_head_dim"});
  spec.linear.value_heads = keys.required({"linear_num_value_heads"});
  spec.linear.value_head_dim = keys.required({"linear_value_head_dim"});
  spec.linear.conv_kernel = keys.optional({"linear_conv_kernel_dim"}, 4, 1);
}

// Widths of dense layers and experts. Where a config knows one width only (mixtral, gpt_oss,
// minimax), it is the expert's.
void read_feed_forward(HfKeys& keys, LlmSpec& spec) {
  spec.moe.experts =
      keys.optional({"num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts"}, 0);
  if (!keys.flag({"enable_moe_block"}, true)) spec.moe.experts = 0;
  const HfKeys::Names width = {"intermediate_size", "n_inner", "ffn_hidden_size", "ffn_dim"};
  if (!spec.is_moe()) {
    const bool four_fold =
        one_of(spec.family, {"gpt2", "gptj", "falcon", "bloom", "gpt_bigcode", "mpt"});
    spec.intermediate = four_fold ? keys.optional(width, 4 * spec.hidden, 1) : keys.required(width);
    return;
  }
  spec.moe.experts_per_token =
      keys.required({"num_experts_per_tok", "experts_per_token", "top_k_experts",
                     "num_experts_per_token", "moe_topk", "moe_k"});
  if (spec.moe.experts_per_token > spec.moe.experts)
    keys.fault(
        {"num_experts_per_tok", "experts_per_token", "top_k_experts"},
        fmt::format("{} experts a token out of {}", spec.moe.experts_per_token, spec.moe.experts));

  if (starts_with(spec.family, "llama4")) {  // one shared expert as wide as a routed one
    spec.moe.intermediate = keys.required({"intermediate_size"});
    spec.moe.shared_intermediate = spec.moe.intermediate;
    spec.intermediate = keys.optional({"intermediate_size_mlp"}, spec.moe.intermediate, 1);
    return;
  }
  const bool own_width = keys.has({"moe_intermediate_size"});
  spec.moe.intermediate =
      keys.required({"moe_intermediate_size", "intermediate_size", "ffn_hidden_size"});
  spec.intermediate = own_width ? keys.optional(width, 0) : 0;
  const int shared =
      keys.optional({"n_shared_experts", "num_shared_experts", "moe_num_shared_experts"}, 0);
  constexpr int kFew = 1000;
  if (shared > kFew)
    keys.fault({"n_shared_experts", "num_shared_experts", "moe_num_shared_experts"},
               fmt::format("{} shared experts", shared), fmt::format("use at most {}", kFew));
  spec.moe.shared_intermediate =
      keys.optional({"shared_expert_intermediate_size", "shared_intermediate_size"},
                    std::min(shared, kFew) * std::min(spec.moe.intermediate, 2'000'000));
  if (starts_with(spec.family, "gemma4"))  // a dense feed-forward beside the experts
    spec.moe.shared_intermediate = std::exchange(spec.intermediate, 0);
}

void check_layers(HfKeys& keys, const LlmSpec& spec) {
  for (const LayerGroup& group : spec.groups) {
    if (group.attention == AttentionKind::linear && spec.linear.key_heads == 0) {
      keys.fault({"linear_num_key_heads"}, "required key is missing",
                 "layers with linear attention need linear_num_key_heads, linear_key_head_dim, "
                 "linear_num_value_heads and linear_value_head_dim");
      return;
    }
    if (!group.moe && spec.intermediate == 0) {
      keys.fault({"intermediate_size"}, "required key is missing", "dense layers need their width");
      return;
    }
  }
}

}  // namespace

Result<LlmSpec> read_hf_config(const Json& config, const std::string& file,
                               std::string model_name) {
  if (!config.is_object())
    return Error{ErrorKind::usage,
                 {file, config.line(), config.column(), {}},
                 fmt::format("expected an object, found {}", config.type_name()),
                 "give a model's config.json"};
  Diagnostics faults;
  HfKeys keys(config, file, faults);
  LlmSpec spec;
  spec.name = std::move(model_name);
  spec.family = keys.text({"model_type"});
  if (spec.family.size() > 5 && spec.family.compare(spec.family.size() - 5, 5, "_text") == 0)
    spec.family.resize(spec.family.size() - 5);
  if (keys.flag({"is_encoder_decoder"}, false))
    keys.fault({"is_encoder_decoder"}, "this is an encoder-decoder model",
               "give a decoder-only model");

  spec.layers = keys.required({"num_hidden_layers", "n_layer", "num_layers", "n_layers"});
  spec.hidden = keys.required({"hidden_size", "n_embd", "d_model"});
  spec.vocab = keys.required({"vocab_size", "padded_vocab_size"});
  spec.max_position =
      keys.optional({"max_position_embeddings", "n_positions", "max_seq_len", "seq_length"}, 0, 1);
  spec.mtp_layers =
      keys.optional({"num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules"}, 0);
  constexpr int kMostLayers = 10'000;
  if (spec.layers > kMostLayers)
    keys.fault({"num_hidden_layers", "n_layer", "num_layers", "n_layers"},
               fmt::format("{} layers", spec.layers), fmt::format("use at most {}", kMostLayers));
  if (!faults.ok()) return faults.combined();

  read_heads(keys, spec);
  apply_family(keys, spec);
  read_linear_attention(keys, spec);
  read_feed_forward(keys, spec);
  read_precision(keys, spec);
  read_layers(keys, spec);
  if (faults.ok()) check_layers(keys, spec);
  if (faults.ok() && !plausible_size(spec))
    keys.fault({"hidden_size", "n_embd", "d_model"}, "the sizes give more than 1e15 parameters",
               "check the widths, layers and experts");
  if (!faults.ok()) return faults.combined();
  return spec;
}

Result<LlmSpec> load_hf_config(const std::string& path) {
  const std::filesystem::path given(path);
  std::string name = given.stem().string();
  if (name == "config" && given.has_parent_path())
    name = std::filesystem::absolute(given).parent_path().filename().string();
  const std::size_t dashes = name.find("--");
  if (dashes != std::string::npos) name.replace(dashes, 2, "/");
  auto config = load_json(path);
  if (!config) return config.error();
  return read_hf_config(*config, path, std::move(name));
}

}  // namespace eph::models
