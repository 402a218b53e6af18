#include "app/fact_flags.h"

#include <fmt/format.h>

#include "calibration/readers/format.h"
#include "core/text.h"

namespace eph::app {

namespace {

using calibration::RunFacts;

Result<void> read_count(const Arguments& arguments, std::string_view name,
                        std::optional<std::int64_t>& out) {
  if (!arguments.has(name)) return {};
  const auto value = arguments.integer(name, 1, std::int64_t{1} << 40, 1);
  if (!value) return value.error();
  out = *value;
  return {};
}

Result<void> read_real(const Arguments& arguments, std::string_view name,
                       std::optional<double>& out) {
  if (!arguments.has(name)) return {};
  const auto value = parse_double(arguments.text(name));
  if (!value || !(*value > 0)) {
    return usage_error(
        fmt::format("--{}: \"{}\" is not a number above zero", name, arguments.text(name)));
  }
  out = *value;
  return {};
}

}  // namespace

OptionGroup fact_options(FactFlags flags) {
  OptionGroup group{
      "facts of the run, where its file does not say them",
      {{"engine", "ENGINE", "vllm, sglang, trtllm or llamacpp"},
       {"engine-version", "VERSION",
        "as the engine writes it, for its defaults [the newest known]"},
       {"gpu", "NAME", "GPU of the catalogue; WRITTEN=NAME says what the file's name means"},
       {"model", "NAME", "model of the catalogue or a config.json; WRITTEN=NAME likewise"},
       {"dtype", "TYPE", "of the weights: bf16, fp8, ... [the checkpoint's own]"},
       {"kv-dtype", "TYPE", "of the KV cache: auto, fp8, ... [the engine's default]"},
       {"tp", "N", "tensor parallelism"},
       {"pp", "N", "pipeline parallelism [1]"},
       {"ep", "N", "expert parallelism [1]"},
       {"attention-dp", "N", "data-parallel attention ranks [1]"},
       {"isl", "N", "prompt tokens of a request"},
       {"osl", "N", "output tokens of a request"},
       {"concurrency", "N", "requests in flight at most"},
       {"request-rate", "R", "requests a second of an open loop"},
       {"burstiness", "SHAPE", "gamma shape of its gaps; 1 is Poisson [1]"},
       {"requests", "N", "requests of the run"},
       {"max-num-seqs", "N", "sequences in a step at most [the engine's default]"},
       {"max-num-batched-tokens", "N", "tokens in a step at most [the engine's default]"},
       {"kv-blocks", "N", "KV cache of a replica in blocks, from the engine's log [computed]"},
       {"max-model-len", "N", "longest sequence [no limit but the KV cache]"}}};
  std::erase_if(group.options, [flags](const OptionSpec& option) {
    const bool picks = option.name == "engine" || option.name == "gpu";
    return (flags != FactFlags::all && picks) ||
           (flags == FactFlags::others && option.name == "model");
  });
  return group;
}

Result<RunFacts> read_facts(const Arguments& arguments, bool selects) {
  RunFacts out;
  out.selects = selects;
  const std::pair<const char*, std::string*> texts[] = {
      {"engine", &out.engine}, {"engine-version", &out.engine_version},
      {"gpu", &out.gpu},       {"model", &out.model},
      {"dtype", &out.dtype},   {"kv-dtype", &out.kv_dtype}};
  for (const auto& [name, text] : texts) {
    if (arguments.all(name).size() > 1) {
      return usage_error(fmt::format("--{} is given twice", name), "the runs of a file have one");
    }
    *text = arguments.text(name);
  }
  if (!out.engine.empty() && !calibration::engine_of(out.engine)) {
    const std::vector<std::string> names{"vllm", "sglang", "trtllm", "llamacpp"};
    return usage_error(fmt::format("--engine: \"{}\" is not known", out.engine),
                       suggest(out.engine, names));
  }
  const std::pair<const char*, std::optional<std::int64_t>*> counts[] = {
      {"tp", &out.tp},
      {"pp", &out.pp},
      {"ep", &out.ep},
      {"attention-dp", &out.attention_dp},
      {"isl", &out.isl},
      {"osl", &out.osl},
      {"concurrency", &out.concurrency},
      {"requests", &out.requests},
      {"max-num-seqs", &out.max_num_seqs},
      {"max-num-batched-tokens", &out.max_num_batched_tokens},
      {"max-model-len", &out.max_model_len},
      {"kv-blocks", &out.kv_blocks}};
  for (const auto& [name, count] : counts) {
    if (auto ok = read_count(arguments, name, *count); !ok) return ok.error();
  }
  if (auto ok = read_real(arguments, "request-rate", out.request_rate); !ok) return ok.error();
  if (auto ok = read_real(arguments, "burstiness", out.burstiness); !ok) return ok.error();
  return out;
}

std::string facts_text(const Arguments& arguments, bool selects) {
  std::string out;
  for (const OptionSpec& option :
       fact_options(selects ? FactFlags::selecting : FactFlags::all).options) {
    if (arguments.has(option.name))
      out += fmt::format(" --{} {}", option.name, arguments.text(option.name));
  }
  return out;
}

}  // namespace eph::app
