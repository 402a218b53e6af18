// The reader of Hugging Face config.json files, on small files written for each feature.
#include "models/llm_config.h"
#include "models/memory.h"
#include "tests/unit/models/support.h"

namespace eph::models {
namespace {

// A small dense model; `more` adds members.
std::string dense(const std::string& more = {}) {
  return R"({"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 8,
"num_key_value_heads": 2, "intermediate_size": 128, "vocab_size": 1000, "max_position_embeddings": 2048)" +
         more + "}";
}

Result<LlmSpec> read(const std::string& text) {
  const Json json = must(parse_json(text, "config.json"));
  return read_hf_config(json, "config.json", "org/tiny");
}

std::string fault(const std::string& text) {
  const auto result = read(text);
  return result ? std::string("no error") : result.error().text();
}

}  // namespace

TEST_CASE("a dense model with grouped-query attention") {
  const LlmSpec spec = must(read(dense()));
  CHECK(spec.name == "org/tiny");
  CHECK(spec.family == "llama");
  CHECK(spec.layers == 4);
  CHECK(spec.hidden == 64);
  CHECK(spec.heads == 8);
  CHECK(spec.kv_heads == 2);
  CHECK(spec.head_dim == 8);
  CHECK(spec.intermediate == 128);
  CHECK(spec.vocab == 1000);
  CHECK(spec.max_position == 2048);
  CHECK(spec.gated_mlp);
  CHECK_FALSE(spec.tied_embeddings);
  CHECK(spec.weights == Precision::bf16);
  CHECK(spec.groups == std::vector<LayerGroup>{LayerGroup{.count = 4}});
}

TEST_CASE("multi-head attention where key-value heads are not said, head_dim where it is") {
  const LlmSpec spec =
      must(read(R"({"model_type": "mistral", "hidden_size": 64, "num_hidden_layers": 1,
"num_attention_heads": 8, "head_dim": 32, "intermediate_size": 128, "vocab_size": 10, "torch_dtype": "float16"})"));
  CHECK(spec.kv_heads == 8);
  CHECK(spec.head_dim == 32);
  CHECK(spec.weights == Precision::fp16);
  CHECK(spec.max_position == 0);
}

TEST_CASE("multi-query attention and the old spellings of falcon and gpt-j") {
  const LlmSpec falcon =
      must(read(R"({"model_type": "falcon", "hidden_size": 64, "num_hidden_layers": 2,
"num_attention_heads": 8, "multi_query": true, "vocab_size": 10})"));
  CHECK(falcon.kv_heads == 1);
  CHECK(falcon.intermediate == 4 * 64);
  CHECK_FALSE(falcon.gated_mlp);
  const LlmSpec gptj =
      must(read(R"({"model_type": "gptj", "n_embd": 64, "n_layer": 2, "n_head": 4, "n_inner": null,
"n_positions": 128, "vocab_size": 10})"));
  CHECK(gptj.hidden == 64);
  CHECK(gptj.layers == 2);
  CHECK(gptj.kv_heads == 4);
  CHECK(gptj.intermediate == 256);
  CHECK(gptj.max_position == 128);
  CHECK(gptj.norms_per_layer == 1);
}

TEST_CASE("multi-head latent attention, leading dense layers, shared experts, prediction module") {
  const LlmSpec spec =
      must(read(R"({"model_type": "deepseek_v3", "hidden_size": 64, "num_hidden_layers": 5,
"num_attention_heads": 4, "num_key_value_heads": 4, "intermediate_size": 128, "vocab_size": 10,
"q_lora_rank": 24, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "v_head_dim": 8,
"n_routed_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "n_shared_experts": 2,
"first_k_dense_replace": 2, "moe_layer_freq": 1, "num_nextn_predict_layers": 1,
"quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]}})"));
  CHECK(spec.mla == Mla{24, 16, 8, 4, 8});
  CHECK(spec.head_dim == 12);
  CHECK(spec.kv_heads == 4);
  CHECK(spec.moe == Moe{8, 2, 32, 64});
  CHECK(spec.groups ==
        std::vector<LayerGroup>{LayerGroup{.count = 2}, LayerGroup{.count = 3, .moe = true}});
  CHECK(spec.mtp_layers == 1);
  CHECK(spec.weights == Precision::fp8_block);
  CHECK(spec.expert_weights == Precision::fp8_block);
  CHECK(spec.embedding_weights == Precision::bf16);
}

TEST_CASE("a null q_lora_rank is no query compression") {
  const LlmSpec spec = must(read(dense(
      R"(, "q_lora_rank": null, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "v_head_dim": 8)")));
  CHECK(spec.mla.q_lora_rank == 0);
  CHECK(spec.is_mla());
}

TEST_CASE("mixtures: the experts' width where it has its own key, and where it has not") {
  const LlmSpec qwen = must(read(dense(
      R"(, "num_experts": 16, "num_experts_per_tok": 4, "moe_intermediate_size": 32, "decoder_sparse_step": 1, "mlp_only_layers": [1])")));
  CHECK(qwen.moe == Moe{16, 4, 32, 0});
  CHECK(qwen.intermediate == 128);
  CHECK(qwen.groups == std::vector<LayerGroup>{LayerGroup{.count = 1, .moe = true},
                                               LayerGroup{.count = 1},
                                               LayerGroup{.count = 2, .moe = true}});
  const LlmSpec mixtral =
      must(read(dense(R"(, "num_local_experts": 8, "num_experts_per_tok": 2)")));
  CHECK(mixtral.moe == Moe{8, 2, 128, 0});
  CHECK(mixtral.intermediate == 0);
  const LlmSpec shared = must(read(dense(
      R"(, "num_experts": 16, "num_experts_per_tok": 4, "moe_intermediate_size": 32, "shared_expert_intermediate_size": 48)")));
  CHECK(shared.moe.shared_intermediate == 48);
  const LlmSpec none = must(read(dense(R"(, "num_experts": null)")));
  CHECK_FALSE(none.is_moe());
}

TEST_CASE("llama 4: every second layer a mixture, chunked attention in three of four") {
  const LlmSpec spec =
      must(read(R"({"model_type": "llama4", "text_config": {"model_type": "llama4_text",
"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 2, "vocab_size": 10,
"intermediate_size": 32, "intermediate_size_mlp": 96, "num_local_experts": 4, "num_experts_per_tok": 1,
"interleave_moe_layer_step": 2, "attention_chunk_size": 512, "max_position_embeddings": 4096}})"));
  CHECK(spec.family == "llama4");
  CHECK(spec.moe == Moe{4, 1, 32, 32});
  CHECK(spec.intermediate == 96);
  const auto chunked = AttentionKind::sliding_window;
  CHECK(spec.groups == std::vector<LayerGroup>{
                           LayerGroup{.count = 1, .attention = chunked, .window = 512},
                           LayerGroup{.count = 1, .attention = chunked, .window = 512, .moe = true},
                           LayerGroup{.count = 1, .attention = chunked, .window = 512},
                           LayerGroup{.count = 1, .moe = true},
                       });
}

TEST_CASE(
    "sliding windows: all layers of mistral, none when unused or no shorter than the context") {
  const auto window = [](const std::string& more) { return must(read(dense(more))).groups; };
  CHECK(window(R"(, "sliding_window": 256)") ==
        std::vector<LayerGroup>{
            LayerGroup{.count = 4, .attention = AttentionKind::sliding_window, .window = 256}});
  CHECK(window(R"(, "sliding_window": 256, "use_sliding_window": false)") ==
        std::vector<LayerGroup>{LayerGroup{.count = 4}});
  CHECK(window(R"(, "sliding_window": 2048)") == std::vector<LayerGroup>{LayerGroup{.count = 4}});
  CHECK(window(R"(, "sliding_window": null)") == std::vector<LayerGroup>{LayerGroup{.count = 4}});
}

TEST_CASE("qwen2 slides from max_window_layers on") {
  std::string text =
      dense(R"(, "use_sliding_window": true, "sliding_window": 256, "max_window_layers": 3)");
  text.replace(text.find("llama"), 5, "qwen2");
  const LlmSpec spec = must(read(text));
  CHECK(spec.attention_bias);
  CHECK(spec.groups ==
        std::vector<LayerGroup>{
            LayerGroup{.count = 3},
            LayerGroup{.count = 1, .attention = AttentionKind::sliding_window, .window = 256}});
}

TEST_CASE("gemma 2 alternates, ties its embeddings and has four norms a layer") {
  std::string text = dense(R"(, "sliding_window": 256)");
  text.replace(text.find("llama"), 5, "gemma2");
  const LlmSpec spec = must(read(text));
  const LayerGroup slides{.count = 1, .attention = AttentionKind::sliding_window, .window = 256};
  const LayerGroup full{.count = 1};
  CHECK(spec.groups == std::vector<LayerGroup>{slides, full, slides, full});
  CHECK(spec.tied_embeddings);
  CHECK(spec.norms_per_layer == 4);
}

TEST_CASE("gpt-oss alternates and keeps all but its experts at 16 bits") {
  const LlmSpec spec =
      must(read(R"({"model_type": "gpt_oss", "attention_bias": true, "hidden_size": 64,
"num_hidden_layers": 2, "num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 10,
"intermediate_size": 32, "num_local_experts": 4, "experts_per_token": 2, "num_experts_per_tok": 2,
"sliding_window": 128, "max_position_embeddings": 4096, "layer_types": ["sliding_attention", "full_attention"],
"quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn", "lm_head"]}})"));
  CHECK(spec.expert_weights == Precision::mxfp4);
  CHECK(spec.weights == Precision::bf16);
  CHECK(spec.embedding_weights == Precision::bf16);
  CHECK(spec.attention_bias);
  CHECK(spec.groups ==
        std::vector<LayerGroup>{
            LayerGroup{
                .count = 1, .attention = AttentionKind::sliding_window, .window = 128, .moe = true},
            LayerGroup{.count = 1, .moe = true}});
}

TEST_CASE("a hybrid of linear and full attention, by layer_types or by interval") {
  const std::string linear =
      R"(, "linear_num_key_heads": 4, "linear_key_head_dim": 8, "linear_num_value_heads": 8, "linear_value_head_dim": 8, "linear_conv_kernel_dim": 4)";
  const std::vector<LayerGroup> expected{LayerGroup{.count = 3, .attention = AttentionKind::linear},
                                         LayerGroup{.count = 1}};
  const LlmSpec by_types = must(read(dense(
      linear +
      R"(, "layer_types": ["linear_attention", "linear_attention", "linear_attention", "full_attention"])")));
  CHECK(by_types.groups == expected);
  CHECK(by_types.linear == LinearAttention{4, 8, 8, 8, 4});
  CHECK(must(read(dense(linear + R"(, "full_attention_interval": 4)"))).groups == expected);
}

TEST_CASE("tied embeddings are read from the config, also beside a nested text_config") {
  CHECK(must(read(dense(R"(, "tie_word_embeddings": true)"))).tied_embeddings);
  const LlmSpec nested = must(read(
      R"({"model_type": "some_vl", "tie_word_embeddings": true, "text_config": )" + dense() + "}"));
  CHECK(nested.tied_embeddings);
  CHECK(nested.family == "llama");
  CHECK(nested.hidden == 64);
}

TEST_CASE("quantisation sections") {
  const auto weights = [](const std::string& section) {
    return must(read(dense(R"(, "quantization_config": )" + section))).weights;
  };
  CHECK(weights(R"({"quant_method": "awq", "bits": 4, "group_size": 128})") == Precision::int4);
  CHECK(weights(R"({"quant_method": "gptq", "bits": 4, "group_size": 128})") == Precision::int4);
  CHECK(weights(R"({"quant_method": "gptq", "bits": 8})") == Precision::int8);
  CHECK(
      weights(R"({"quant_method": "bitsandbytes", "load_in_4bit": true, "load_in_8bit": false})") ==
      Precision::int4);
  CHECK(weights(R"({"quant_method": "bitsandbytes", "load_in_8bit": true})") == Precision::int8);
  CHECK(weights(R"({"quant_method": "fp8", "activation_scheme": "static"})") == Precision::fp8);
  CHECK(weights(R"({"quant_method": "fp8", "weight_block_size": [128, 128]})") ==
        Precision::fp8_block);
  CHECK(weights(R"({"quant_method": "fbgemm_fp8"})") == Precision::fp8);
  CHECK(weights(R"({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights":
        {"num_bits": 8, "type": "float", "strategy": "channel"}}}})") == Precision::fp8);
  CHECK(weights(R"({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights":
        {"num_bits": 4, "type": "int", "group_size": 128}}}})") == Precision::int4);
  CHECK(weights(R"({"quant_method": "modelopt", "quant_algo": "NVFP4"})") == Precision::nvfp4);
  CHECK(weights(R"({"quant_method": "modelopt", "quantization": {"quant_algo": "FP8"}})") ==
        Precision::fp8);
  CHECK(must(read(dense(R"(, "quantization_config": {"quant_method": "awq", "bits": 4})")))
            .embedding_weights == Precision::bf16);
}

TEST_CASE("a missing key is named, with its place and other spellings") {
  CHECK(
      fault(
          R"({"model_type": "llama", "num_hidden_layers": 4, "num_attention_heads": 8, "vocab_size": 10})") ==
      "config.json:1:1: /hidden_size: required key is missing; it is also read as n_embd, d_model");
  CHECK(
      fault(
          R"({"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 8, "vocab_size": 10})") ==
      "config.json:1:1: /intermediate_size: required key is missing; it is also read as n_inner, "
      "ffn_hidden_size, ffn_dim");
  CHECK(fault(R"({"text_config": {"num_hidden_layers": 4, "vocab_size": 10}})")
            .find("/text_config/hidden_size: required key is missing") != std::string::npos);
}

TEST_CASE("all missing sizes are reported together") {
  const std::string text = fault("{}");
  for (const char* key : {"/num_hidden_layers", "/hidden_size", "/vocab_size"})
    CHECK(text.find(key) != std::string::npos);
}

TEST_CASE("values that cannot be are refused with their line") {
  CHECK(fault("{\n\"hidden_size\": 64,\n\"num_hidden_layers\": -4, \"vocab_size\": 10}")
            .find("config.json:3:") == 0);
  CHECK(fault("{\n\"hidden_size\": 64,\n\"num_hidden_layers\": -4, \"vocab_size\": 10}")
            .find("/num_hidden_layers: -4 is out of range; use 1 to 100000000") !=
        std::string::npos);
  CHECK(fault(R"({"hidden_size": "64", "num_hidden_layers": 4, "vocab_size": 10})")
            .find("/hidden_size: expected a whole number, found a string") != std::string::npos);
  CHECK(
      fault(
          R"({"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 7, "vocab_size": 10,
"intermediate_size": 8})")
          .find("/num_attention_heads: 7 attention heads do not divide the hidden size 64; state "
                "head_dim") != std::string::npos);
  CHECK(
      fault(
          R"({"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 3,
"vocab_size": 10, "intermediate_size": 8})")
          .find("/num_key_value_heads: 3 key-value heads do not divide the 8 attention heads") !=
      std::string::npos);
  CHECK(fault(dense(R"(, "layer_types": ["full_attention"])"))
            .find("/layer_types: expected an array of num_hidden_layers = 4 names") !=
        std::string::npos);
  CHECK(
      fault(
          dense(
              R"(, "layer_types": ["full_attention", "mamba", "full_attention", "full_attention"])"))
          .find("/layer_types: layer type \"mamba\" is not understood") != std::string::npos);
  CHECK(
      fault(
          dense(
              R"(, "layer_types": ["linear_attention", "full_attention", "full_attention", "full_attention"])"))
          .find("/linear_num_key_heads: required key is missing") != std::string::npos);
  CHECK(fault(dense(R"(, "quantization_config": {"quant_method": "exl2"})"))
            .find("/quantization_config: quantisation \"exl2\" is not understood") !=
        std::string::npos);
  CHECK(fault(dense(R"(, "num_local_experts": 4, "num_experts_per_tok": 5)"))
            .find("/num_experts_per_tok: 5 experts a token out of 4") != std::string::npos);
  CHECK(
      fault(dense(R"(, "kv_lora_rank": 16)")).find("/qk_nope_head_dim: required key is missing") !=
      std::string::npos);
  CHECK(fault(dense(R"(, "is_encoder_decoder": true)")).find("this is an encoder-decoder model") !=
        std::string::npos);
  CHECK(fault("[1]") ==
        "config.json:1:1: expected an object, found an array; give a model's config.json");
}

TEST_CASE("no single damaged value breaks the reader or the counts") {
  const std::string text =
      R"({"model_type": "deepseek_v3", "hidden_size": 64, "num_hidden_layers": 5,
"num_attention_heads": 4, "num_key_value_heads": 4, "intermediate_size": 128, "vocab_size": 10, "head_dim": 16,
"q_lora_rank": 24, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "v_head_dim": 8,
"n_routed_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "n_shared_experts": 2,
"first_k_dense_replace": 2, "moe_layer_freq": 1, "num_nextn_predict_layers": 1, "sliding_window": 16,
"max_position_embeddings": 512, "tie_word_embeddings": true, "layer_types": ["full_attention", "linear_attention",
"sliding_attention", "full_attention", "full_attention"], "linear_num_key_heads": 2, "linear_key_head_dim": 4,
"linear_num_value_heads": 2, "linear_value_head_dim": 4, "num_global_key_value_heads": 2, "global_head_dim": 8,
"torch_dtype": "float16", "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}})";
  const Json whole = must(parse_json(text, "config.json"));
  REQUIRE(read_hf_config(whole, "config.json", "org/tiny").has_value());
  const std::vector<Json> damage{Json(),
                                 Json::integer(0),
                                 Json::integer(-1),
                                 Json::integer(3),
                                 Json::integer(100'000'000),
                                 Json::integer(std::int64_t{1} << 60),
                                 Json::number(2.5),
                                 Json::string("x"),
                                 Json::boolean(true),
                                 Json::array(),
                                 Json::object()};
  int good = 0, refused = 0;
  for (const auto& [key, value] : whole.members()) {
    for (const Json& other : damage) {
      Json changed = whole;
      changed.set(key, other);
      INFO(key << " = " << other.dump(-1));
      const auto result = read_hf_config(changed, "config.json", "org/tiny");
      result ? ++good : ++refused;
      if (!result) {
        CHECK(result.error().kind == ErrorKind::usage);
        CHECK(result.error().text().find("config.json") != std::string::npos);
        continue;
      }
      CHECK(count_parameters(*result).total > 0);
      CHECK(weight_bytes(*result).value > 0);
      int layers = 0;
      for (const LayerGroup& group : result->groups) layers += group.count;
      CHECK(layers == result->layers);
    }
  }
  // Most damage is noticed; what passes is a valid other model, such as a null that means "absent".
  CHECK(good + refused == static_cast<int>(whole.members().size() * damage.size()));
  CHECK(refused > 2 * good);
}

TEST_CASE("a config is loaded by file or folder, and named after it") {
  const std::string file = write_temporary("hf/tiny-llama/config.json", dense());
  CHECK(must(load_hf_config(file)).name == "tiny-llama");
  CHECK(must(shipped().llm(file)).layers == 4);
  CHECK(must(shipped().llm(std::string(EPH_TEST_OUT) + "/hf/tiny-llama")).name == "tiny-llama");
  const std::string named = write_temporary("hf/org--small.json", dense());
  CHECK(must(shipped().llm(named)).name == "org/small");
  const auto missing = load_hf_config("nowhere/config.json");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().kind == ErrorKind::io);
  const auto damaged = load_hf_config(write_temporary("hf/broken.json", "{\"hidden_size\": "));
  REQUIRE_FALSE(damaged.has_value());
  CHECK(damaged.error().kind == ErrorKind::usage);
}

}  // namespace eph::models
