#include "models/engine_kind.h"

#include "core/assert.h"
#include "core/text.h"

namespace eph::models {

std::string_view name(EngineKind kind) {
  switch (kind) {
    case EngineKind::vllm:
      return "vllm";
    case EngineKind::sglang:
      return "sglang";
    case EngineKind::trtllm:
      return "trtllm";
    case EngineKind::llamacpp:
      return "llamacpp";
  }
  EPH_ASSERT(false, "engine kind {}", static_cast<int>(kind));
  return {};
}

std::string_view display(EngineKind kind) {
  switch (kind) {
    case EngineKind::vllm:
      return "vLLM";
    case EngineKind::sglang:
      return "SGLang";
    case EngineKind::trtllm:
      return "TensorRT-LLM";
    case EngineKind::llamacpp:
      return "llama.cpp";
  }
  EPH_ASSERT(false, "engine kind {}", static_cast<int>(kind));
  return {};
}

std::optional<EngineKind> parse_engine(std::string_view text) {
  const std::string word = to_lower(text);
  for (EngineKind kind :
       {EngineKind::vllm, EngineKind::sglang, EngineKind::trtllm, EngineKind::llamacpp})
    if (word == name(kind) || word == to_lower(display(kind))) return kind;
  if (word == "trt-llm" || word == "tensorrtllm") return EngineKind::trtllm;
  if (word == "llama-cpp" || word == "llama_cpp") return EngineKind::llamacpp;
  return std::nullopt;
}

}  // namespace eph::models
