#include "scenario/engine_limits.h"

#include <fmt/format.h>

#include <algorithm>

#include "scenario/tuning.h"

namespace eph::scenario {

std::int64_t model_limit(const DeploymentSpec& spec, const models::LlmSpec& llm) {
  return spec.max_model_len.value_or(llm.max_position);
}

Result<sim::EngineOptions> engine_options_of(models::EngineKind kind,
                                             const models::EngineDefaults& defaults,
                                             const DeploymentSpec& spec, const models::LlmSpec& llm,
                                             const std::optional<Speculation>& speculation) {
  sim::EngineOptions out;
  out.kind = kind;
  out.chunked_prefill = spec.chunked_prefill.value_or(defaults.chunked_prefill);
  out.max_model_len = model_limit(spec, llm);
  out.max_num_batched_tokens = defaults.max_num_batched_tokens;
  // Without chunking vLLM raises its default budget so that any prompt fits in one step (ENGINES
  // A2).
  if (kind == models::EngineKind::vllm && !out.chunked_prefill) {
    out.max_num_batched_tokens = std::max(out.max_num_batched_tokens, out.max_model_len);
  }
  if (spec.max_num_batched_tokens) out.max_num_batched_tokens = *spec.max_num_batched_tokens;
  out.max_num_seqs = spec.max_num_seqs.value_or(defaults.max_num_seqs);
  if (kind == models::EngineKind::vllm && out.max_num_batched_tokens < out.max_num_seqs) {
    if (spec.max_num_seqs) {
      return usage_error(fmt::format("vLLM refuses max_num_seqs {} above max_num_batched_tokens {}",
                                     out.max_num_seqs, out.max_num_batched_tokens),
                         "raise the second or lower the first");
    }
    out.max_num_seqs = out.max_num_batched_tokens;
  }
  out.chunk_tokens = spec.chunk_tokens.value_or(
      defaults.chunk_tokens > 0 ? defaults.chunk_tokens : out.max_num_batched_tokens);
  out.prefix_caching = spec.prefix_caching.value_or(defaults.prefix_caching);
  out.schedule_policy =
      spec.schedule_policy == "lpm" ? sim::SchedulePolicy::lpm : sim::SchedulePolicy::fcfs;
  out.async_scheduling = spec.async_scheduling.value_or(defaults.async_scheduling);
  out.reserve_full_prompt = spec.tuning.reserve_full_prompt.value_or(defaults.admit_whole_prompt);
  const int ranks = spec.layout.attention_data;
  if (kind == models::EngineKind::sglang && ranks > 1) {  // server_args.py: given for all of them
    if (spec.max_num_seqs) out.max_num_seqs = std::max<std::int64_t>(1, out.max_num_seqs / ranks);
    if (out.chunk_tokens > 0)
      out.chunk_tokens = std::max<std::int64_t>(1, out.chunk_tokens / ranks);
  }
  if (const Result<void> ok = apply_tuning(spec.tuning, ranks, out); !ok) return ok.error();
  if (speculation) {
    out.speculation = speculation->options;
    out.async_scheduling = out.async_scheduling && !speculation->synchronous;
  }
  return out;
}

models::KvPoolOptions kv_options(const models::EngineDefaults& defaults, const DeploymentSpec& spec,
                                 const models::LlmSpec& llm, const models::StepProfile& profile) {
  models::KvPoolOptions out = defaults.kv;
  if (spec.block_size) out.block_size = *spec.block_size;
  if (spec.memory_fraction) out.memory_fraction = *spec.memory_fraction;
  if (spec.kv_precision) out.kv_precision = *spec.kv_precision;
  out.block_count = spec.kv_blocks;
  if (spec.tuning.kv_tokens) out.block_count = *spec.tuning.kv_tokens / out.block_size;
  if (const auto* fitted = std::get_if<models::EngineProfile>(&profile)) {
    models::StepContext context;
    context.llm = llm;
    context.layout = spec.layout;
    const auto found =
        fitted->find(context, models::version_family(fitted->engine, spec.engine_version));
    const auto reserve = models::Coefficient::kv_reserve;
    const double bytes = (*found.values)[static_cast<std::size_t>(reserve)] *
                         models::coefficient_info(reserve).to_si;
    out.reserved = Bytes{static_cast<std::int64_t>(bytes)};
  }
  return out;
}

std::int64_t graph_tokens(const models::EngineDefaults& defaults, const EngineTuning& tuning,
                          const sim::EngineOptions& engine) {
  // vLLM counts tokens, the others sequences, each with its drafts.
  const std::int64_t query = 1 + engine.speculation.drafts;
  const bool vllm = engine.kind == models::EngineKind::vllm;
  if (tuning.max_graph_tokens)
    return std::min(*tuning.max_graph_tokens * (vllm ? 1 : query), engine.max_num_batched_tokens);
  if (!vllm) return defaults.max_graph_tokens * query;
  return std::min(
      defaults.max_graph_tokens,
      models::vllm_max_graph_tokens(engine.max_num_seqs * query, engine.max_num_batched_tokens));
}

}  // namespace eph::scenario
