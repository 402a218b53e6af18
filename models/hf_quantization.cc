#include "models/hf_quantization.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "core/text.h"

namespace eph::models {
namespace {

std::int64_t int_at(const Json& object, std::string_view key, std::int64_t fallback) {
  const Json* value = object.find(key);
  return value != nullptr && value->type() == Json::Type::integer ? value->as_int() : fallback;
}

std::string text_at(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  return value != nullptr && value->is_string() ? to_lower(value->as_string()) : std::string();
}

bool flag_at(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  return value != nullptr && value->type() == Json::Type::boolean && value->as_bool();
}

std::optional<Precision> integer_bits(std::int64_t bits) {
  if (bits == 4) return Precision::int4;
  if (bits == 8) return Precision::int8;
  return std::nullopt;
}

// compressed-tensors: {"config_groups": {"group_0": {"weights": {"num_bits", "type", "strategy"}}}}
std::optional<Precision> compressed_tensors(const Json& section) {
  const Json* groups = section.find("config_groups");
  if (groups == nullptr || !groups->is_object()) return std::nullopt;
  for (const auto& [name, group] : groups->members()) {
    const Json* weights = group.find("weights");
    if (weights == nullptr || !weights->is_object()) continue;
    const std::int64_t bits = int_at(*weights, "num_bits", 0);
    if (text_at(*weights, "type") != "float") return integer_bits(bits);
    if (bits == 4)
      return int_at(*weights, "group_size", 16) == 32 ? Precision::mxfp4 : Precision::nvfp4;
    if (bits == 8)
      return text_at(*weights, "strategy") == "block" ? Precision::fp8_block : Precision::fp8;
  }
  return std::nullopt;
}

std::optional<Precision> modelopt(const Json& section) {
  const Json* inner = section.find("quantization");
  const Json& from = inner != nullptr && inner->is_object() ? *inner : section;
  const std::string algorithm = text_at(from, "quant_algo");
  if (algorithm == "fp8") return Precision::fp8;
  if (algorithm == "nvfp4" || algorithm == "w4a16_nvfp4") return Precision::nvfp4;
  if (algorithm == "w4a16_awq" || algorithm == "w4a8_awq") return Precision::int4;
  if (algorithm == "int8_sq" || algorithm == "w8a8_sq_per_channel") return Precision::int8;
  return std::nullopt;
}

std::optional<Precision> method_precision(const std::string& method, const Json& section) {
  if (method == "fp8") {
    const Json* block = section.find("weight_block_size");
    return block != nullptr && block->is_array() ? Precision::fp8_block : Precision::fp8;
  }
  if (method == "fbgemm_fp8" || method == "ptpc_fp8") return Precision::fp8;
  if (method == "mxfp4") return Precision::mxfp4;
  if (method == "awq" || method == "gptq" || method == "auto-round")
    return integer_bits(int_at(section, "bits", int_at(section, "w_bit", 4)));
  if (method == "bitsandbytes" || method.empty()) {
    if (flag_at(section, "load_in_8bit")) return Precision::int8;
    if (flag_at(section, "load_in_4bit")) return Precision::int4;
  }
  if (method == "compressed-tensors") return compressed_tensors(section);
  if (method == "modelopt" || method == "modelopt_fp4") return modelopt(section);
  return std::nullopt;
}

bool excludes_attention(const Json& section) {
  for (std::string_view key :
       {"modules_to_not_convert", "ignored_layers", "ignore", "exclude_modules"}) {
    const Json* list = section.find(key);
    if (list == nullptr || !list->is_array()) continue;
    const auto& items = list->items();
    if (std::any_of(items.begin(), items.end(), [](const Json& item) {
          return item.is_string() && item.as_string().find("self_attn") != std::string::npos &&
                 item.as_string().find("norm") == std::string::npos;
        }))
      return true;
  }
  return false;
}

}  // namespace

void read_precision(HfKeys& keys, LlmSpec& spec) {
  // Engines load float32 checkpoints as 16 bits.
  const std::string dtype = keys.text({"torch_dtype", "dtype"}, "bfloat16");
  const Precision base =
      dtype == "float16" || dtype == "torch.float16" ? Precision::fp16 : Precision::bf16;
  spec.weights = spec.expert_weights = spec.embedding_weights = base;

  const Json* section = keys.find({"quantization_config", "compression_config"});
  if (section == nullptr) return;
  if (!section->is_object()) {
    keys.fault({"quantization_config"},
               fmt::format("expected an object, found {}", section->type_name()));
    return;
  }
  const std::string method = text_at(*section, "quant_method");
  const auto precision = method_precision(method, *section);
  if (!precision) {
    keys.fault(
        {"quantization_config"}, fmt::format("quantisation \"{}\" is not understood", method),
        "known: fp8, mxfp4, awq, gptq, bitsandbytes, compressed-tensors, modelopt with their usual "
        "keys");
    return;
  }
  spec.expert_weights = *precision;
  const bool experts_only = method == "mxfp4" || (spec.is_moe() && excludes_attention(*section));
  if (!experts_only) spec.weights = *precision;
}

}  // namespace eph::models
