#include "calibration/run_options.h"

#include <algorithm>

#include "scenario/engine_limits.h"
#include "scenario/engine_options.h"
#include "scenario/preset.h"
#include "scenario/tuning.h"

namespace eph::calibration {
namespace {

template <class T, class U>
void take(const std::optional<T>& from, U& to) {
  if (from) to = *from;
}

// As the engine starts by itself, but for what the benchmark fixes: scheduling and the graphs.
void use_engine_defaults(const models::EngineDefaults& defaults, std::int64_t ranks,
                         RunPlan& plan) {
  plan.engine.max_num_batched_tokens = ranks * defaults.max_num_batched_tokens;
  plan.engine.max_num_seqs = ranks * defaults.max_num_seqs;
  plan.engine.chunk_tokens = defaults.chunk_tokens;
  plan.engine.chunked_prefill = defaults.chunked_prefill;
  plan.kv.memory_fraction = defaults.kv.memory_fraction;
}

bool has_drafts(const scenario::EngineTuning& t) {
  return t.draft_method || t.draft_positions || t.verified_tokens || t.draft_width ||
         t.draft_layers || t.draft_acceptance;
}

}  // namespace

Result<void> check_run_options(const RunOptions& options) {
  const std::vector<std::string> engines{"vllm", "sglang", "trtllm", "llamacpp"};
  for (const scenario::EngineSetting& setting : options.settings) {
    const auto all = scenario::engine_options();
    const bool known = std::any_of(all.begin(), all.end(), [&](const scenario::EngineOption& o) {
      return o.field.key == setting.name;
    });
    if (!known) return scenario::taken_by_none(engines, setting.name);
  }
  return {};
}

Result<void> apply_run_options(const models::Catalog& catalog, const RunOptions& options,
                               RunPlan& plan) {
  if (!options.any()) return {};
  if (plan.prefill)
    return usage_error("the options of disaggregated workers are not replaced", "leave them out");
  Deployment& d = plan.deployment;
  const std::int64_t ranks = d.context.layout.attention_data;
  scenario::DeploymentSpec spec;
  spec.engine = models::name(d.engine);
  spec.engine_options = options.settings;
  spec.preset = options.preset;
  Result<scenario::DeploymentSpec> put = scenario::with_engine_options(spec);
  if (!put) return put.error();
  if (has_drafts(put->tuning))
    return usage_error("no measured run has speculative decoding", "leave its options out");
  const auto preset = scenario::apply_preset(catalog, d.engine, d.defaults, *put);
  if (!preset) return preset.error();
  if (!options.preset.empty()) use_engine_defaults(d.defaults, ranks, plan);

  if (put->max_num_batched_tokens)
    plan.engine.max_num_batched_tokens = ranks * *put->max_num_batched_tokens;
  if (put->max_num_seqs) plan.engine.max_num_seqs = ranks * *put->max_num_seqs;
  take(put->chunk_tokens, plan.engine.chunk_tokens);
  take(put->max_model_len, plan.engine.max_model_len);
  take(put->chunked_prefill, plan.engine.chunked_prefill);
  take(put->prefix_caching, plan.engine.prefix_caching);
  take(put->async_scheduling, plan.engine.async_scheduling);
  d.context.async_scheduling = plan.engine.async_scheduling;
  if (put->schedule_policy == "lpm") plan.engine.schedule_policy = sim::SchedulePolicy::lpm;
  take(put->tuning.reserve_full_prompt, plan.engine.reserve_full_prompt);
  if (const auto ok = scenario::apply_tuning(put->tuning, 1, plan.engine); !ok) return ok.error();
  take(put->block_size, plan.kv.block_size);
  take(put->memory_fraction, plan.kv.memory_fraction);
  if (put->kv_blocks) plan.kv.block_count = *put->kv_blocks;
  if (put->tuning.kv_tokens) plan.kv.block_count = *put->tuning.kv_tokens / plan.kv.block_size;
  if (put->tuning.max_graph_tokens || put->max_num_seqs || put->max_num_batched_tokens)
    d.context.max_graph_tokens = scenario::graph_tokens(d.defaults, put->tuning, plan.engine);
  return {};
}

}  // namespace eph::calibration
