#include "app/log_facts.h"

#include <fmt/format.h>

#include "core/text.h"

namespace eph::app {

std::vector<OptionSpec> log_fact_options() {
  return {{"model", "NAME", "model that a request log is of [as its meta.json says]"},
          {"tp", "N", "tensor-parallel GPUs of the engine [as meta.json says, else 1]"},
          {"dp", "N", "data-parallel ranks of the engine [as meta.json says, else 1]"},
          {"engine-version", "VERSION", "of the engine [as meta.json says, else the newest rules]"},
          {"max-num-seqs", "N", "sequences at once [as meta.json says, else the engine's default]"},
          {"max-num-batched-tokens", "N", "tokens a step [as meta.json says, else the default]"},
          {"max-model-len", "N", "longest sequence [as meta.json says, else no limit]"},
          {"kv-blocks", "N", "KV blocks [as meta.json says, else from the GPU's memory]"},
          {"block-size", "N", "tokens a KV block [as meta.json says, else 16]"}};
}

std::string given_log_fact(const Arguments& arguments) {
  for (const OptionSpec& option : log_fact_options()) {
    if (arguments.has(option.name)) return option.name;
  }
  return {};
}

Result<calibration::LogFacts> log_facts(const Arguments& arguments) {
  calibration::LogFacts out;
  if (arguments.has("engine")) {
    const std::string text = arguments.text("engine");
    out.engine = models::parse_engine(text);
    if (!out.engine) {
      const std::vector<std::string> names{"vllm", "sglang", "trtllm"};
      return usage_error(fmt::format("--engine: \"{}\" is not known", text), suggest(text, names));
    }
  }
  const auto text = [&](const char* name, std::optional<std::string>& value) {
    if (arguments.has(name)) value = arguments.text(name);
  };
  text("engine-version", out.engine_version);
  text("gpu", out.gpu);
  text("model", out.model);
  const struct {
    const char* name;
    std::optional<std::int64_t>* value;
    std::int64_t most;
  } numbers[] = {{"tp", &out.tensor_parallel, 1024},
                 {"dp", &out.data_parallel, 1024},
                 {"max-num-seqs", &out.max_num_seqs, 1 << 24},
                 {"max-num-batched-tokens", &out.max_num_batched_tokens, 1 << 24},
                 {"max-model-len", &out.max_model_len, 1 << 30},
                 {"kv-blocks", &out.kv_blocks, std::int64_t{1} << 40},
                 {"block-size", &out.block_size, 1 << 20}};
  for (const auto& item : numbers) {
    if (!arguments.has(item.name)) continue;
    const auto value = arguments.integer(item.name, 1, item.most, 1);
    if (!value) return value.error();
    *item.value = *value;
  }
  return out;
}

}  // namespace eph::app
