#pragma once
// Number formats of weights, activations and KV cache.
#include <optional>
#include <string_view>

namespace eph::models {

enum class Precision { bf16, fp16, fp8, fp8_block, int8, int4, mxfp4, nvfp4 };

// Bytes per stored value, scale factors included (MXFP4: 4 bits + one 8-bit scale per 32 values).
[[nodiscard]] double bytes_per_value(Precision precision);
[[nodiscard]] std::string_view name(Precision precision);
// "bf16", "bfloat16", "fp16", "fp8", "fp8_block", "int4", "mxfp4", ...; nullopt if unknown.
[[nodiscard]] std::optional<Precision> parse_precision(std::string_view text);

}  // namespace eph::models
