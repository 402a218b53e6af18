#pragma once
// Number formats of weights, activations and KV cache.
#include <optional>
#include <string_view>

namespace eph::models {

enum class Precision {
  bf16,
  fp16,
  fp8,
  fp8_block,
  int8,
  int4,
  mxfp4,
  nvfp4,
  q8_0,  // GGUF formats of llama.cpp; _k_m: the mix that llama-quantize makes of a dense model
  q6_k,
  q5_k_m,
  q4_k_m,
  q4_0
};

// Bytes per stored value, scale factors included (MXFP4: 4 bits + one 8-bit scale per 32 values).
[[nodiscard]] double bytes_per_value(Precision precision);
[[nodiscard]] std::string_view name(Precision precision);
// Formats of GGUF files: embeddings and LM head are stored in them too.
[[nodiscard]] bool is_gguf(Precision precision);
// "bf16", "bfloat16", "fp16", "fp8", "fp8_block", "int4", "mxfp4", ...; nullopt if unknown.
[[nodiscard]] std::optional<Precision> parse_precision(std::string_view text);

}  // namespace eph::models
