#include "models/precision.h"

#include <array>
#include <utility>

#include "core/assert.h"
#include "core/text.h"

namespace eph::models {

double bytes_per_value(Precision precision) {
  switch (precision) {
    case Precision::bf16:
    case Precision::fp16:
      return 2.0;
    case Precision::fp8:
    case Precision::int8:
      return 1.0;  // one scale per tensor or channel
    case Precision::fp8_block:
      return 1.0 + 4.0 / (128 * 128);  // fp32 scale per 128 x 128 block
    case Precision::int4:
      return (64.0 + 2.0 + 0.5) / 128;  // AWQ/GPTQ groups of 128: scale, zero
    case Precision::mxfp4:
      return (16.0 + 1.0) / 32;  // OCP MX: 8-bit scale per 32 values
    case Precision::nvfp4:
      return (8.0 + 1.0) / 16;  // FP8 scale per 16 values
    // ggml-common.h: bytes of a block over its values. The mixes store the value projection and the
    // second feed-forward matrix of half of the layers in q6_k: 15 % of a layer with d_ff = 2.7 h.
    case Precision::q8_0:
      return 34.0 / 32;
    case Precision::q6_k:
      return 210.0 / 256;
    case Precision::q5_k_m:
      return (0.85 * 176.0 + 0.15 * 210.0) / 256;
    case Precision::q4_k_m:
      return (0.85 * 144.0 + 0.15 * 210.0) / 256;
    case Precision::q4_0:
      return 18.0 / 32;
  }
  EPH_ASSERT(false, "precision {}", static_cast<int>(precision));
  return 0;
}

std::string_view name(Precision precision) {
  switch (precision) {
    case Precision::bf16:
      return "bf16";
    case Precision::fp16:
      return "fp16";
    case Precision::fp8:
      return "fp8";
    case Precision::fp8_block:
      return "fp8_block";
    case Precision::int8:
      return "int8";
    case Precision::int4:
      return "int4";
    case Precision::mxfp4:
      return "mxfp4";
    case Precision::nvfp4:
      return "nvfp4";
    case Precision::q8_0:
      return "q8_0";
    case Precision::q6_k:
      return "q6_k";
    case Precision::q5_k_m:
      return "q5_k_m";
    case Precision::q4_k_m:
      return "q4_k_m";
    case Precision::q4_0:
      return "q4_0";
  }
  EPH_ASSERT(false, "precision {}", static_cast<int>(precision));
  return {};
}

bool is_gguf(Precision precision) {
  switch (precision) {
    case Precision::q8_0:
    case Precision::q6_k:
    case Precision::q5_k_m:
    case Precision::q4_k_m:
    case Precision::q4_0:
      return true;
    default:
      return false;
  }
}

std::optional<Precision> parse_precision(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, Precision>, 26> kNames{{
      {"bf16", Precision::bf16},
      {"bfloat16", Precision::bf16},
      {"fp16", Precision::fp16},
      {"float16", Precision::fp16},
      {"half", Precision::fp16},
      {"f16", Precision::fp16},
      {"fp8", Precision::fp8},
      {"fp8_e4m3", Precision::fp8},
      {"fp8_e5m2", Precision::fp8},
      {"float8_e4m3fn", Precision::fp8},
      {"e4m3", Precision::fp8},
      {"fp8_block", Precision::fp8_block},
      {"fp8-block", Precision::fp8_block},
      {"int8", Precision::int8},
      {"w8a8", Precision::int8},
      {"int4", Precision::int4},
      {"w4a16", Precision::int4},
      {"int4_wo", Precision::int4},
      {"mxfp4", Precision::mxfp4},
      {"nvfp4", Precision::nvfp4},
      {"fp4", Precision::nvfp4},
      {"q8_0", Precision::q8_0},
      {"q6_k", Precision::q6_k},
      {"q5_k_m", Precision::q5_k_m},
      {"q4_k_m", Precision::q4_k_m},
      {"q4_0", Precision::q4_0},
  }};
  const std::string word = to_lower(text);
  for (const auto& [known, precision] : kNames)
    if (word == known) return precision;
  return std::nullopt;
}

}  // namespace eph::models
