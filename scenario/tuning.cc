#include "scenario/tuning.h"

#include <algorithm>
#include <string>

namespace eph::scenario {

namespace {

// server_args.py: with DP attention (ENGINES B4).
constexpr double kRanksConservativeness = 0.3;

// Only SGLang's first share and its floor follow from others (ENGINES B4).
void set_new_token_ratio(const EngineTuning& t, int ranks, sim::EngineOptions& out) {
  if (!t.conservativeness && !t.new_token_ratio && !t.new_token_ratio_floor && ranks == 1) return;
  const double conservativeness =
      t.conservativeness.value_or(1.0) * (ranks > 1 ? kRanksConservativeness : 1.0);
  out.new_token_ratio_init = std::min(1.0, t.new_token_ratio.value_or(0.7) * conservativeness);
  out.new_token_ratio_min = out.new_token_ratio_init * t.new_token_ratio_floor.value_or(0.14);
}

// vLLM sets the threshold to 4 % of max_model_len when several partial prefills are permitted, and
// looks at their number no further (ENGINES A2).
Result<void> set_long_prefill(const EngineTuning& t, sim::EngineOptions& out) {
  if (t.partial_prefills && t.long_prefill_tokens) {
    return usage_error("max_num_partial_prefills has no effect beside long_prefill_token_threshold",
                       "give one of the two");
  }
  out.long_prefill_tokens = t.long_prefill_tokens.value_or(0);
  if (t.partial_prefills.value_or(1) > 1)
    out.long_prefill_tokens = std::max<std::int64_t>(1, out.max_model_len / 25);
  return {};
}

}  // namespace

Result<void> apply_tuning(const EngineTuning& t, int ranks, sim::EngineOptions& out) {
  set_new_token_ratio(t, ranks, out);
  if (const Result<void> ok = set_long_prefill(t, out); !ok) return ok.error();
  out.new_token_ratio_decay_steps =
      static_cast<int>(t.new_token_decay_steps.value_or(out.new_token_ratio_decay_steps));
  out.clip_max_new_tokens = t.clip_new_tokens.value_or(out.clip_max_new_tokens);
  out.retract_decode_steps = t.retract_steps.value_or(out.retract_decode_steps);
  out.watermark = t.watermark.value_or(out.watermark);
  out.mixed_chunk = t.mixed_chunk.value_or(false);
  out.priority_scheduling = t.scheduling_policy.value_or("") == "priority";
  out.continuous_batching = t.continuous_batching.value_or(true);
  out.slot_prompt_similarity = t.slot_similarity.value_or(out.slot_prompt_similarity);
  out.sglang.prompts_enter_tree = t.radix_insert.value_or("prefill") == "prefill";
  out.sglang.full_until_decode = t.full_batch_reopens.value_or("") == "decode";
  out.sglang.retract_to_headroom = t.retract_until.value_or("") == "headroom";
  const std::string capacity = t.capacity_policy.value_or("GUARANTEED_NO_EVICT");
  if (capacity == "MAX_UTILIZATION") out.capacity = sim::Capacity::max_utilization;
  if (capacity == "STATIC_BATCH") out.capacity = sim::Capacity::static_batch;
  return {};
}

}  // namespace eph::scenario
