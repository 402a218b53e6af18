#include "calibration/protocol.h"

#include <algorithm>

#include "calibration/exclusions.h"
#include "calibration/imported_load.h"
#include "calibration/offline_load.h"

namespace eph::calibration {
namespace {

using models::EngineKind;

// Client time between a request's last token and the slot's next request (PERCENTILES section 2).
constexpr double kGuidellmTurnS = 3.6e-3;
// Requests completed in the first 5 % of a GuideLLM stage are warm-up (PERCENTILES P3).
constexpr double kGuidellmWarmupShare = 0.05;
// Requests per slot of the closed-loop tools: documented for InferenceMAX, inferred for the others.
constexpr std::int64_t kRounds = 10;

// Requests in flight and tokens of one: no measured run comes near, and more would fill the memory.
constexpr std::int64_t kLargestCount = 10'000'000;

void use_defaults(const MeasuredRun& run, RunPlan& plan) {
  const Deployment& d = plan.deployment;
  const models::EngineDefaults& defaults = d.defaults;
  plan.engine.kind = d.engine;
  plan.engine.max_num_batched_tokens = defaults.max_num_batched_tokens;
  plan.engine.max_num_seqs = defaults.max_num_seqs;
  plan.engine.chunk_tokens = defaults.chunk_tokens;
  plan.engine.chunked_prefill = defaults.chunked_prefill;
  plan.engine.async_scheduling = d.context.async_scheduling;
  plan.engine.reserve_full_prompt = defaults.admit_whole_prompt;
  plan.kv = defaults.kv;
  plan.kv.kv_precision = d.context.kv_precision;
  plan.load.isl = run.isl;
  plan.load.osl = run.osl;
  plan.load.cap = run.concurrency;
}

// P1, P2: vLLM's token budget of ISL + C lets one prompt into a step; TensorRT-LLM does not chunk
// and takes one prompt a step.
void one_prompt_per_step(const MeasuredRun& run, RunPlan& plan) {
  if (plan.engine.kind == EngineKind::sglang) return;
  plan.engine.max_num_batched_tokens = run.isl + run.concurrency;
  plan.engine.max_num_seqs = std::max(plan.engine.max_num_seqs, run.concurrency);
  if (plan.engine.kind == EngineKind::trtllm) plan.engine.chunked_prefill = false;
}

// P3: SGLang's prefill budget of 16384 tokens is not cut into chunks of 8192 in the measured
// bursts.
void sglang_burst(RunPlan& plan) {
  if (plan.engine.kind != EngineKind::sglang) return;
  plan.engine.max_num_batched_tokens = 16384;
  plan.engine.chunk_tokens = 16384;
}

void set_async(RunPlan& plan, bool async) {
  plan.engine.async_scheduling = async;
  plan.deployment.context.async_scheduling = async;
}

void plan_inferencemax(const MeasuredRun& run, RunPlan& plan) {
  // The 2 C warm-up requests drain before the measured ones start and prefix caching is off, so
  // they leave no trace and are not simulated.
  plan.load.requests = kRounds * run.concurrency;
  plan.load.shortest_share = 0.8;
  if (plan.engine.kind == EngineKind::vllm) {
    plan.engine.max_num_batched_tokens = 8192;
    plan.engine.max_num_seqs = run.concurrency;
    plan.deployment.context.max_graph_tokens =
        models::vllm_max_graph_tokens(plan.engine.max_num_seqs, plan.engine.max_num_batched_tokens);
    set_async(plan, true);  // the benchmark's launch scripts ask for it in every version
  }
}

// A cloud's machines with one type of GPU have one type of processor: "gcp h100-sxm".
std::string host_key(const MeasuredRun& run, const Deployment& deployment) {
  return run.host.substr(0, run.host.find(' ')) + " " + deployment.gpu_name;
}

void plan_sweep(const MeasuredRun& run, RunPlan& plan) {
  plan.kv.memory_fraction = 0.9;  // passed on the command line
  plan.engine.max_model_len = run.max_model_len;
  plan.load.stop_s = run.stage_s;
  plan.load.turn_s = kGuidellmTurnS;
  plan.count_from_s = kGuidellmWarmupShare * run.stage_s;
  plan.count_to_s = run.stage_s;
  plan.host = host_key(run, plan.deployment);
  if (run.protocol == Protocol::synchronous) plan.load.cap = 1;
  if (run.protocol == Protocol::throughput) plan.load.ramp_s = run.ramp_s;
  if (run.protocol == Protocol::constant) {
    plan.load.rate = *run.measured[Figure::achieved_rps];
    plan.load.turn_s = 0;
  }
}

// Only the operating-point table says what the workers are; imported results do not.
Result<void> plan_pools(const MeasuredRun& run, SpecCache& specs, RunPlan& plan) {
  if (run.load || !run.tool.empty()) {
    return usage_error(
        "the workers of disaggregated runs are known for tables of operating points alone");
  }
  MeasuredRun prefill = run;
  prefill.layout = run.prefill_layout;
  auto deployment = resolve(prefill, specs);
  if (!deployment) return deployment.error();
  plan.prefill = std::move(*deployment);
  plan.prefill_workers = run.prefill_workers;
  plan.replicas = run.decode_workers;
  return {};
}

Result<void> plan_load(const MeasuredRun& run, RunPlan& plan) {
  switch (run.protocol) {
    case Protocol::inferencemax:
      plan_inferencemax(run, plan);
      return {};
    case Protocol::burst:
      plan.load.requests = run.concurrency;
      sglang_burst(plan);
      one_prompt_per_step(run, plan);
      return {};
    case Protocol::closed_loop_unknown_ramp:
      plan.load.requests = kRounds * run.concurrency;
      one_prompt_per_step(run, plan);
      return {};
    case Protocol::synchronous:
    case Protocol::constant:
    case Protocol::throughput:
      plan_sweep(run, plan);
      return {};
    case Protocol::offline:
      plan_offline(run, plan);
      return {};
    case Protocol::closed_loop:
    case Protocol::open_loop:
    case Protocol::recorded:
    case Protocol::one_batch:
      return plan_imported_load(run, plan);
    case Protocol::unknown:
      break;
  }
  return usage_error(fmt::format("unknown load protocol \"{}\"", run.protocol_text));
}

}  // namespace

bool has_undocumented_ramp(Protocol protocol) {
  return protocol == Protocol::closed_loop_unknown_ramp || protocol == Protocol::inferencemax ||
         protocol == Protocol::burst;
}

std::string_view fit_family(EngineKind engine, std::string_view version, Protocol protocol) {
  if (engine == EngineKind::trtllm && protocol == Protocol::offline) return models::kOfflineFamily;
  return models::version_family(engine, version);
}

Result<RunPlan> plan_run(const MeasuredRun& run, SpecCache& specs) {
  if (!run.problem.empty()) return usage_error(run.problem);
  if (std::max({run.concurrency, run.isl, run.osl}) > kLargestCount) {
    return usage_error(fmt::format("concurrency {}, isl {} or osl {} is out of range",
                                   run.concurrency, run.isl, run.osl));
  }
  MeasuredRun fixed = run;
  // InferenceMAX rows with attention_dp > 1 saturate their KV cache like one replica of tp GPUs.
  if (run.protocol == Protocol::inferencemax && !run.disaggregated &&
      run.layout.attention_data > 1) {
    fixed.layout.attention_data = 1;
    fixed.layout.expert = std::min(fixed.layout.expert, fixed.layout.tensor);
  }
  auto deployment = resolve(fixed, specs);
  if (!deployment) return deployment.error();
  RunPlan plan;
  if (run.disaggregated) {
    if (auto ok = plan_pools(run, specs, plan); !ok) return ok.error();
  }
  plan.row = run.row;
  plan.protocol = run.protocol;
  plan.deployment = std::move(*deployment);
  plan.measured = run.measured;
  use_defaults(fixed, plan);
  if (auto ok = plan_load(fixed, plan); !ok) return ok.error();
  if (auto ok = use_settings(fixed, plan); !ok) return ok.error();
  set_scored_figures(run, plan);
  return plan;
}

}  // namespace eph::calibration
