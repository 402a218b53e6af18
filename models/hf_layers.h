#pragma once
// The sequence of layers from a Hugging Face config.json: attention kind, window, mixture or dense.
#include "models/hf_keys.h"
#include "models/llm_spec.h"

namespace eph::models {

// Fills spec.groups. Needs family, layers, moe and max_position.
void read_layers(HfKeys& keys, LlmSpec& spec);

}  // namespace eph::models
