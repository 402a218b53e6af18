#pragma once
// vLLM V1's scheduler: running first, then admissions, one token budget for both.
#include <algorithm>

#include "sim/engine_policy.h"

namespace eph::sim {

// vllm/v1/core/sched/scheduler.py: no prefill and decode phases; the running list is in admission
// order, so decodes and begun prompts come before new ones, and the victim of a preemption is the
// newest.
//
// With speculative decoding a decode asks for 1 + K tokens, all charged against the budget, fewer
// where the budget or max_model_len clips; blocks are taken for them and for the draft model's
// lookahead slots behind them. Under async scheduling the drafts of the step in flight count as
// accepted when the next one is composed.
class VllmPolicy final : public EnginePolicy {
 public:
  VllmPolicy(const EngineOptions& options, const models::KvPool& pool);
  [[nodiscard]] bool accepts(std::int64_t prompt, std::int64_t max_output) const override;
  void form_batch(EngineState& state, BatchPlan& plan) override;
  [[nodiscard]] bool takes_ahead() const override { return true; }
  [[nodiscard]] bool has_room_for(const EngineState& state, std::int64_t prompt,
                                  std::int64_t max_output) const override;
  [[nodiscard]] std::int64_t lane_width(const EngineState& state) const override;
  void admit(EngineState& state, BatchPlan& plan, std::int64_t decodes) override;

 private:
  // False: `id` itself was the last in the list, and gone.
  [[nodiscard]] bool make_room(EngineState& state, BatchPlan& plan, SeqId id,
                               std::int64_t tokens) const;
  void schedule_running(EngineState& state, BatchPlan& plan, std::int64_t& budget) const;
  // The same one by one: by priority the victim is the last in rank, wherever it stands, and what
  // it has been given in this step goes back into the budget; with drafts.
  void schedule_each(EngineState& state, BatchPlan& plan, std::int64_t& budget) const;
  [[nodiscard]] bool make_room_by_priority(EngineState& state, BatchPlan& plan, std::size_t& at,
                                           std::int64_t tokens, std::int64_t& budget) const;
  // Tokens for a running sequence, 0: none.
  [[nodiscard]] std::int64_t wanted(const Sequence& s, std::int64_t budget) const;
  // Tokens that a sequence's blocks must have room for when `computed` will be computed.
  [[nodiscard]] std::int64_t with_lookahead(std::int64_t computed) const {
    const std::int64_t slots = options_.speculation.draft_slots;
    return slots == 0 ? computed : std::min(computed + slots, limit_);
  }
  // Queue position of the next to be admitted.
  [[nodiscard]] std::size_t next_waiting(const EngineState& state) const;
  // long_prefill_token_threshold.
  [[nodiscard]] std::int64_t limited(std::int64_t tokens) const {
    const std::int64_t most = options_.long_prefill_tokens;
    return most > 0 ? std::min(most, tokens) : tokens;
  }
  void admit_waiting(EngineState& state, BatchPlan& plan, std::int64_t budget) const;

  EngineOptions options_;
  std::int64_t longest_ = 0;  // prompt + max_output that is accepted
  std::int64_t limit_ = 0;    // tokens of a sequence
  std::int64_t watermark_blocks_ = 0;
};

}  // namespace eph::sim
