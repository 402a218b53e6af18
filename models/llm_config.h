#pragma once
// LlmSpec from an unmodified Hugging Face config.json.
#include <string>

#include "core/json_doc.h"
#include "core/result.h"
#include "models/llm_spec.h"

namespace eph::models {

// Understands dense and MoE decoders of the llama, mistral, mixtral, qwen2, qwen3, qwen3_moe,
// gemma2, gemma3/4 text, phi3/phi4, gpt_oss, deepseek_v2/v3, minimax, llama4, qwen3_5 families and
// others that use the same keys; nested `text_config`; `quantization_config` (fp8 per tensor or
// block, mxfp4, awq, gptq, bitsandbytes, compressed-tensors, modelopt). A missing key that decides
// cost is an error that names the key; an unknown architecture class is accepted when its keys
// suffice.
[[nodiscard]] Result<LlmSpec> read_hf_config(const Json& config, const std::string& file,
                                             std::string model_name);
[[nodiscard]] Result<LlmSpec> load_hf_config(const std::string& path);

}  // namespace eph::models
