#include "calibration/imported_load.h"

#include <algorithm>
#include <cmath>

namespace eph::calibration {
namespace {

using models::EngineKind;

// Slots of an open loop without a cap: more than can ever be in flight.
std::int64_t enough_slots(const RunLoad& load, double stage_s) {
  if (load.requests > 0) return load.requests;
  const double expected = load.rate * stage_s;
  return static_cast<std::int64_t>(std::ceil(expected + 10 * std::sqrt(expected))) + 10;
}

// Everything in one step each: prompts are not cut, no scheduler composes ahead.
void plan_one_batch(const MeasuredRun& run, RunPlan& plan) {
  const std::int64_t batch = run.concurrency;
  plan.load.cap = batch;
  plan.load.requests = batch;
  plan.engine.max_num_batched_tokens =
      std::max(plan.engine.max_num_batched_tokens, batch * run.isl);
  plan.engine.chunk_tokens = plan.engine.max_num_batched_tokens;
  plan.engine.max_num_seqs = std::max(plan.engine.max_num_seqs, batch);
  plan.engine.async_scheduling = false;
  plan.deployment.context.async_scheduling = false;
}

// What would not fit into memory or simulated time is no measured run.
constexpr std::int64_t kMostRequests = 10'000'000;
constexpr double kLongestS = 1e8;  // three years
constexpr double kLeastBurstiness = 0.01, kMostBurstiness = 1e6;

Result<void> check_limits(const MeasuredRun& run) {
  const RunLoad& load = *run.load;
  if (load.requests > kMostRequests || run.concurrency > kMostRequests ||
      load.rate * run.stage_s > static_cast<double>(kMostRequests)) {
    return usage_error(fmt::format("more than {} requests", kMostRequests));
  }
  double longest = std::max({run.stage_s, run.ramp_s, load.turn_s, load.count_from_s});
  if (load.rate > 0) longest = std::max(longest, static_cast<double>(load.requests) / load.rate);
  if (load.recorded) {
    for (const RecordedRequest& r : *load.recorded) longest = std::max(longest, r.at_s);
  }
  if (longest > kLongestS) return usage_error(fmt::format("a run of {:.3g} seconds", longest));
  if (load.shortest_share > 1)
    return usage_error(fmt::format("a shortest share of {:.3g}", load.shortest_share));
  const double b = load.burstiness;
  if (b != 0 && (b < kLeastBurstiness || b > kMostBurstiness)) {
    return usage_error(fmt::format("a burstiness of {:.3g} is not in {} to {}", b, kLeastBurstiness,
                                   kMostBurstiness));
  }
  return {};
}

}  // namespace

Result<void> plan_imported_load(const MeasuredRun& run, RunPlan& plan) {
  if (!run.load) return usage_error("the load of an imported run is not described");
  if (run.isl < 1 || run.osl < 1) return usage_error("isl or osl is not recorded");
  if (auto ok = check_limits(run); !ok) return ok.error();
  const RunLoad& from = *run.load;
  ToolLoadSpec& load = plan.load;
  plan.in_process = from.in_process;
  load.shortest_share = from.shortest_share;
  load.recorded = from.recorded;
  load.ramp_s = run.ramp_s;
  load.turn_s = from.turn_s;
  if (from.requests > 0) load.requests = from.requests;
  if (run.stage_s > 0) {
    load.stop_s = run.stage_s;
    plan.count_from_s = from.count_from_s;
    plan.count_to_s = run.stage_s;
  }
  const bool ends = from.requests > 0 || run.stage_s > 0;
  switch (run.protocol) {
    case Protocol::one_batch:
      if (run.concurrency < 1) return usage_error("the batch size is not recorded");
      plan_one_batch(run, plan);
      return {};
    case Protocol::recorded:
      if (!from.recorded) return usage_error("the requests' own times are not in this file");
      load.recorded_arrivals = true;
      load.cap = std::ssize(*from.recorded);
      return {};
    case Protocol::open_loop:
      if (!(from.rate > 0)) return usage_error("the arrival rate is not recorded");
      if (!ends) return usage_error("neither the number of requests nor the duration is recorded");
      load.rate = from.rate;
      load.burstiness = from.burstiness;
      if (run.concurrency == 0) load.cap = enough_slots(from, run.stage_s);
      return {};
    default:
      break;
  }
  if (run.concurrency < 1) return usage_error("concurrency is not recorded");
  if (!ends) return usage_error("neither the number of requests nor the duration is recorded");
  load.cap = run.concurrency;
  return {};
}

Result<void> use_settings(const MeasuredRun& run, RunPlan& plan) {
  const EngineSettings& s = run.settings;
  if (s.max_num_seqs > 0) plan.engine.max_num_seqs = s.max_num_seqs;
  if (s.max_num_batched_tokens > 0) plan.engine.max_num_batched_tokens = s.max_num_batched_tokens;
  if (s.chunk_tokens != 0) plan.engine.chunk_tokens = s.chunk_tokens;
  if (s.memory_fraction > 0) plan.kv.memory_fraction = s.memory_fraction;
  if (s.kv_blocks > 0) plan.kv.block_count = s.kv_blocks;
  if (run.load && run.max_model_len > 0) plan.engine.max_model_len = run.max_model_len;
  const bool limits = s.max_num_seqs > 0 || s.max_num_batched_tokens > 0;
  if (limits && plan.engine.kind == EngineKind::vllm) {
    plan.deployment.context.max_graph_tokens =
        models::vllm_max_graph_tokens(plan.engine.max_num_seqs, plan.engine.max_num_batched_tokens);
  }
  if (auto ok = set_kv_precision(s.kv_dtype, plan.deployment); !ok) return ok.error();
  plan.kv.kv_precision = plan.deployment.context.kv_precision;
  return {};
}

}  // namespace eph::calibration
