#pragma once
// The engines that are told apart.
#include <optional>
#include <string_view>

namespace eph::models {

enum class EngineKind { vllm, sglang, trtllm, llamacpp };

[[nodiscard]] std::string_view name(EngineKind kind);  // "vllm", the name used on the command line
[[nodiscard]] std::string_view display(EngineKind kind);  // "vLLM"
[[nodiscard]] std::optional<EngineKind> parse_engine(std::string_view text);

}  // namespace eph::models
