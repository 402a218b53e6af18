#include "models/parallelism.h"

#include <fmt/format.h>

#include <string>

namespace eph::models {
namespace {

bool splits_kv(int kv_heads, int tp) { return kv_heads % tp == 0 || tp % kv_heads == 0; }

// "1, 2, 4, 8, 16 do": all that work.
std::string working_degrees(const LlmSpec& llm) {
  std::string out;
  int found = 0;
  for (int tp = 1; tp <= llm.heads; ++tp) {
    if (!tensor_degree_works(llm, tp)) continue;
    out += fmt::format("{}{}", found++ > 0 ? ", " : "", tp);
  }
  return out + (found == 1 ? " does" : " do");
}

Result<void> check_tensor(const LlmSpec& llm, int tp) {
  if (llm.heads % tp != 0)
    return usage_error(
        fmt::format("tp {} does not divide the {} attention heads of {}", tp, llm.heads, llm.name),
        working_degrees(llm));
  if (!tensor_degree_works(llm, tp))
    return usage_error(
        fmt::format("tp {} neither divides the {} key-value heads of {} nor is a multiple of them",
                    tp, llm.kv_heads, llm.name),
        working_degrees(llm));
  return {};
}

Result<void> check_experts(const LlmSpec& llm, const Parallelism& layout) {
  if (layout.expert == 1) return {};
  if (!llm.is_moe())
    return usage_error(
        fmt::format("expert parallelism {} for {}, which has no experts", layout.expert, llm.name),
        "use 1");
  const int ranks = layout.tensor * layout.attention_data;
  if (ranks % layout.expert != 0)
    return usage_error(
        fmt::format("expert parallelism {} does not divide the {} ranks of a stage (tp {} x dp {})",
                    layout.expert, ranks, layout.tensor, layout.attention_data));
  if (llm.moe.experts % layout.expert != 0)
    return usage_error(fmt::format("expert parallelism {} does not divide the {} experts of {}",
                                   layout.expert, llm.moe.experts, llm.name));
  return {};
}

}  // namespace

bool tensor_degree_works(const LlmSpec& llm, int tp) {
  if (tp < 1 || llm.heads % tp != 0) return false;
  if (llm.is_mla()) return true;
  for (const LayerGroup& group : llm.groups) {
    const bool linear = group.attention == AttentionKind::linear;
    if (linear && (llm.linear.key_heads % tp != 0 || llm.linear.value_heads % tp != 0))
      return false;
    if (!linear && !splits_kv(llm.kv_heads_of(group), tp)) return false;
  }
  return true;
}

Result<void> check_parallelism(const LlmSpec& llm, const Parallelism& layout) {
  const auto positive = [](std::string_view what, int value) -> Result<void> {
    if (value >= 1) return {};
    return usage_error(fmt::format("{} parallelism {} is below 1", what, value), "use 1 or more");
  };
  for (const auto& [what, value] : {std::pair{"tensor", layout.tensor},
                                    {"pipeline", layout.pipeline},
                                    {"expert", layout.expert},
                                    {"attention-data", layout.attention_data}})
    if (auto ok = positive(what, value); !ok) return ok;
  if (auto ok = check_tensor(llm, layout.tensor); !ok) return ok;
  if (layout.pipeline > llm.layers)
    return usage_error(fmt::format("{} pipeline stages for the {} layers of {}", layout.pipeline,
                                   llm.layers, llm.name),
                       "use at most one stage a layer");
  return check_experts(llm, layout);
}

}  // namespace eph::models
