#pragma once
// Number formats from a config's dtype and quantization_config.
#include "models/hf_keys.h"
#include "models/llm_spec.h"

namespace eph::models {

// Sets weights, expert_weights and embedding_weights; an unknown method is a fault. Formats that
// keep attention at 16 bits (mxfp4 checkpoints, exclusion lists that name self_attn in a model with
// experts) leave `weights` at the model's dtype.
void read_precision(HfKeys& keys, LlmSpec& spec);

}  // namespace eph::models
