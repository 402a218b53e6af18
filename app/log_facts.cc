#include "app/log_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app/fact_flags.h"
#include "calibration/readers/format.h"
#include "core/text.h"

namespace eph::app {

namespace {

// Of fact_options(), those that a log understands.
constexpr std::array<std::string_view, 10> kSharedFacts{
    "engine",       "engine-version",         "gpu",       "model",        "dtype", "tp",
    "max-num-seqs", "max-num-batched-tokens", "kv-blocks", "max-model-len"};
constexpr std::array<std::string_view, 3> kOwnFacts{"dp", "block-size", "prefixes"};

Result<std::optional<std::string>> read_text(const Arguments& arguments, std::string_view name) {
  if (!arguments.has(name)) return std::optional<std::string>();
  if (arguments.all(name).size() > 1) {
    return usage_error(fmt::format("--{} is given twice", name), "the run of a log has one");
  }
  return std::optional(arguments.text(name));
}

// A log's name for its GPU or model is replaced, so that there is nothing to match.
Result<std::optional<std::string>> read_name(const Arguments& arguments, std::string_view name) {
  auto text = read_text(arguments, name);
  if (text && *text && (*text)->find('=') != std::string::npos) {
    return usage_error(
        fmt::format("--{}: \"{}\" is WRITTEN=NAME, a request log has one {}", name, **text, name),
        "give NAME alone");
  }
  return text;
}

}  // namespace

OptionGroup log_options(std::vector<OptionSpec> first) {
  OptionGroup group{"request log", std::move(first)};
  group.options.push_back(
      {"dp", "N", "data-parallel ranks of the engine [as meta.json says, else 1]"});
  group.options.push_back({"block-size", "N", "tokens a KV block [as meta.json says, else 16]"});
  group.options.push_back(
      {"prefixes", "FILE",
       "which prompts begin alike, which a log of lengths cannot show: CSV of request_id, "
       "prefix_group, prefix_tokens [none]"});
  return group;
}

std::string log_facts_text(const Arguments& arguments) {
  std::string out;
  const auto add = [&](std::string_view name) {
    if (arguments.has(name)) out += fmt::format(" --{} {}", name, arguments.text(name));
  };
  for (const std::string_view name : kSharedFacts) add(name);
  for (const std::string_view name : kOwnFacts) add(name);
  return out;
}

Result<void> refuse_other_facts(const Arguments& arguments, const std::string& what) {
  for (const OptionSpec& option : fact_options().options) {
    const bool shared =
        std::find(kSharedFacts.begin(), kSharedFacts.end(), option.name) != kSharedFacts.end();
    if (shared || !arguments.has(option.name)) continue;
    return usage_error(fmt::format("--{} has no effect on {}", option.name, what),
                       "leave it out: the log says it, or it is simulated for other runs only");
  }
  return {};
}

Result<void> refuse_log_options(const Arguments& arguments, const OptionGroup& log_group,
                                const std::string& remedy) {
  for (const OptionSpec& option : log_group.options) {
    if (!arguments.has(option.name)) continue;
    return usage_error(fmt::format("--{} is for request logs", option.name), remedy);
  }
  return {};
}

Result<calibration::LogFacts> log_facts(const Arguments& arguments) {
  calibration::LogFacts out;
  const auto engine = read_text(arguments, "engine");
  if (!engine) return engine.error();
  if (*engine) {
    const std::vector<std::string> names{"vllm", "sglang", "trtllm"};
    out.engine = calibration::engine_of(**engine);
    if (!out.engine) {
      return usage_error(fmt::format("--engine: \"{}\" is not known", **engine),
                         suggest(**engine, names));
    }
    if (*out.engine == models::EngineKind::llamacpp) {
      return usage_error("request logs of llama.cpp are not replayed",
                         fmt::format("give one of {}", fmt::join(names, ", ")));
    }
  }
  const std::pair<const char*, std::optional<std::string>*> texts[] = {
      {"engine-version", &out.engine_version}, {"dtype", &out.dtype}};
  for (const auto& [name, value] : texts) {
    auto text = read_text(arguments, name);
    if (!text) return text.error();
    *value = std::move(*text);
  }
  const std::pair<const char*, std::optional<std::string>*> named[] = {{"gpu", &out.gpu},
                                                                       {"model", &out.model}};
  for (const auto& [name, value] : named) {
    auto text = read_name(arguments, name);
    if (!text) return text.error();
    *value = std::move(*text);
  }
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
  out.prefixes = arguments.text("prefixes");
  return out;
}

}  // namespace eph::app
