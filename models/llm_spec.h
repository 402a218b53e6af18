#pragma once
// What a language model's architecture is, as far as speed and memory depend on it.
#include <cstdint>
#include <string>
#include <vector>

#include "models/precision.h"

namespace eph::models {

enum class AttentionKind { full, sliding_window, linear };

// Consecutive layers of the same shape, in order; `count` of them.
struct LayerGroup {
  int count = 0;
  AttentionKind attention = AttentionKind::full;
  std::int64_t window = 0;  // tokens, for sliding_window
  bool moe = false;         // feed-forward part is a mixture of experts
  int kv_heads = 0;         // where they differ from the model's (Gemma 4's global layers); 0: same
  int head_dim = 0;

  friend bool operator==(const LayerGroup&, const LayerGroup&) = default;
};

// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434); rank 0 means "not MLA".
struct Mla {
  int q_lora_rank = 0;  // 0: no query compression
  int kv_lora_rank = 0;
  int qk_nope_head_dim = 0;
  int qk_rope_head_dim = 0;
  int v_head_dim = 0;

  friend bool operator==(const Mla&, const Mla&) = default;
};

struct Moe {
  int experts = 0;  // routed experts per layer; 0: dense
  int experts_per_token = 0;
  int intermediate = 0;         // of one routed expert
  int shared_intermediate = 0;  // of all shared experts together

  friend bool operator==(const Moe&, const Moe&) = default;
};

// Linear-attention (Gated DeltaNet and similar) head layout; zero where unused.
struct LinearAttention {
  int key_heads = 0, key_head_dim = 0, value_heads = 0, value_head_dim = 0, conv_kernel = 0;

  friend bool operator==(const LinearAttention&, const LinearAttention&) = default;
};

struct LlmSpec {
  std::string name = {};    // "meta-llama/Llama-3.1-8B-Instruct"
  std::string family = {};  // model_type of the config: "llama", "qwen3_moe", ...
  int layers = 0;
  int hidden = 0;
  int vocab = 0;
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;       // of MLA: qk_nope_head_dim + qk_rope_head_dim
  int intermediate = 0;   // dense feed-forward width
  bool gated_mlp = true;  // SwiGLU/GeGLU: three matrices, else two
  bool tied_embeddings = false;
  bool attention_bias = false;
  bool qk_norm = false;
  bool attention_output_gate = false;   // q projection twice as wide
  int norms_per_layer = 2;              // gemma-2: 4
  std::int64_t max_position = 0;        // longest context in tokens; 0: the model does not say
  std::vector<LayerGroup> groups = {};  // counts sum to `layers`
  Mla mla = {};
  Moe moe = {};
  LinearAttention linear = {};
  Precision weights = Precision::bf16;            // of the linear layers (dense and attention)
  Precision expert_weights = Precision::bf16;     // of routed experts
  Precision embedding_weights = Precision::bf16;  // embeddings and LM head
  int mtp_layers = 0;  // multi-token-prediction layers, not part of `layers`

  [[nodiscard]] bool is_mla() const { return mla.kv_lora_rank > 0; }
  [[nodiscard]] bool is_moe() const { return moe.experts > 0; }
  [[nodiscard]] int kv_heads_of(const LayerGroup& group) const {
    return group.kv_heads > 0 ? group.kv_heads : kv_heads;
  }
  [[nodiscard]] int head_dim_of(const LayerGroup& group) const {
    return group.head_dim > 0 ? group.head_dim : head_dim;
  }
  friend bool operator==(const LlmSpec&, const LlmSpec&) = default;
};

// Appends one layer, joining it to the last group when the shape is the same.
void add_layer(std::vector<LayerGroup>& groups, const LayerGroup& shape);

// Parameters of one layer, by the way they spread over ranks.
struct LayerParameters {
  std::int64_t by_head = 0;  // query, output, MLA up-projections, linear attention: divided by tp
  std::int64_t by_kv_head = 0;  // key and value projections: a head is copied when tp > kv heads
  std::int64_t replicated = 0;  // MLA down-projections: on every rank
  std::int64_t small = 0;    // norms, biases, router, convolution: kept at 16 bits, on every rank
  std::int64_t dense = 0;    // dense feed-forward and shared experts: divided by tp
  std::int64_t experts = 0;  // all routed experts

  [[nodiscard]] std::int64_t total() const {
    return by_head + by_kv_head + replicated + small + dense + experts;
  }
};
[[nodiscard]] LayerParameters layer_parameters(const LlmSpec& spec, const LayerGroup& group);

// Parameters counted from the shapes, without multi-token-prediction layers and vision or audio
// towers; `active` leaves out the routed experts that one token does not use; `embedding` is the
// part of `total` in the embedding and the LM head.
struct ParameterCount {
  std::int64_t total = 0, active = 0, embedding = 0;
};
[[nodiscard]] ParameterCount count_parameters(const LlmSpec& spec);

// Whether the sizes give fewer than 1e15 parameters, so that no count can overflow. Readers check
// it.
[[nodiscard]] bool plausible_size(const LlmSpec& spec);

// The same model with its linear layers and experts stored as `weights`; embeddings stay, but for
// GGUF formats, which store them so too.
[[nodiscard]] LlmSpec with_weights(LlmSpec spec, Precision weights);

}  // namespace eph::models
