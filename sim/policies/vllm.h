#pragma once
// vLLM V1's scheduler: running first, then admissions, one token budget for both.
#include <algorithm>

#include "sim/engine_policy.h"

namespace eph::sim {

// vllm/v1/core/sched/scheduler.py: no prefill and decode phases; the running list is in admission
// order, so decodes and begun prompts come before new ones, and the victim of a preemption is the
// newest.
class VllmPolicy final : public EnginePolicy {
 public:
  VllmPolicy(const EngineOptions& options, const models::KvPool& pool);
  [[nodiscard]] bool accepts(std::int64_t prompt, std::int64_t max_output) const override;
  void form_batch(EngineState& state, BatchPlan& plan) override;

 private:
  // False: `id` itself was the last in the list, and gone.
  [[nodiscard]] bool make_room(EngineState& state, BatchPlan& plan, SeqId id,
                               std::int64_t tokens) const;
  void schedule_running(EngineState& state, BatchPlan& plan, std::int64_t& budget) const;
  // The same by priority: the victim is the last in rank, wherever it stands, and what it has been
  // given in this step goes back into the budget.
  void schedule_by_priority(EngineState& state, BatchPlan& plan, std::int64_t& budget) const;
  [[nodiscard]] bool make_room_by_priority(EngineState& state, BatchPlan& plan, std::size_t& at,
                                           std::int64_t tokens, std::int64_t& budget) const;
  // Queue position of the next to be admitted.
  [[nodiscard]] std::size_t next_waiting(const EngineState& state) const;
  // long_prefill_token_threshold.
  [[nodiscard]] std::int64_t limited(std::int64_t tokens) const {
    const std::int64_t most = options_.long_prefill_tokens;
    return most > 0 ? std::min(most, tokens) : tokens;
  }
  void admit_waiting(EngineState& state, BatchPlan& plan, std::int64_t budget) const;

  EngineOptions options_;
  std::int64_t longest_ = 0;  // prompt + max_output
  std::int64_t watermark_blocks_ = 0;
};

}  // namespace eph::sim
