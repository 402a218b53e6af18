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
  }
  EPH_ASSERT(false, "precision {}", static_cast<int>(precision));
  return {};
}

std::optional<Precision> parse_precision(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, Precision>, 21> kNames{{
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
  }};
  const std::string word = to_lower(text);
  for (const auto& [known, precision] : kNames)
    if (word == known) return precision;
  return std::nullopt;
}

}  // namespace eph::models
