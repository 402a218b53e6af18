#pragma once
// Which operators one step of a deployment runs, with their sizes on one rank: the bridge from an
// LlmSpec to operator times.
#include <cmath>
#include <vector>

#include "models/llm_spec.h"
#include "models/op_times.h"
#include "models/parallelism.h"
#include "models/step_context.h"

namespace eph::models {

struct GemmOp {
  GemmSize size;
  double count = 0;  // layers that have it
  Kernel kernel;
};

struct MoeOp {
  MoeSize size;
  double layers = 0;
  Kernel kernel;
};

// Attention of all layers with the same window. Times are seconds per unit at the efficiencies of
// the operator model.
struct AttentionOp {
  double window = 0;  // tokens a query sees at most; infinity for full attention, 0 for linear
  double decode_per_token = 0;  // per token of context that a decoding sequence reads
  double decode_memory = 0, decode_compute = 0;  // its two parts, which overlap (MODEL eq. 6)
  double decode_per_seq = 0;          // per decoding sequence (state of linear attention)
  double prefill_flop_per_pair = 0;   // compute time per query-key pair
  double prefill_flop_per_token = 0;  // compute time per new token (whole tiles; linear attention)
  double prefill_byte_per_token = 0;  // memory time per new token
  double prefill_byte_per_past = 0;   // memory time per cached token of the chunks

  // Instead of decode_per_token when so many tokens of each sequence attend to its context.
  [[nodiscard]] double verify_per_token(double queries) const {
    return std::hypot(decode_memory, queries * decode_compute);
  }
};

struct StepOps {
  std::vector<GemmOp> gemms;  // once per layer each, at the rank's tokens
  GemmOp head;                // once per step, at the rank's sequences
  std::vector<MoeOp> moes;    // at the tokens of all attention ranks
  std::vector<AttentionOp> attentions;
  double elementwise_per_token = 0;  // seconds
  double layers = 0;                 // of the whole model: a step crosses every pipeline stage
  double overhead_layers = 0;        // layers weighted by their count of small kernels
  double attention_allreduces = 0;   // per step, over the tensor ranks
  double dense_allreduces = 0;       // feed-forward parts that are not MoE
  double moe_allreduces = 0;         // over all ranks that hold experts
  double hidden_bytes = 0;           // of one token's activations
};
[[nodiscard]] StepOps step_ops(const StepContext& context);

}  // namespace eph::models
