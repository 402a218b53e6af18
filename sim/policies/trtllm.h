#pragma once
// TensorRT-LLM's in-flight batching under its three capacity policies.
#include <optional>
#include <vector>

#include "sim/engine_policy.h"

namespace eph::sim {

// tensorrt_llm/_torch/pyexecutor/scheduler.py. Capacity under GUARANTEED_NO_EVICT: a request is
// admitted when the blocks of prompt + max_output can be set aside beside those of everything
// admitted, so nothing is ever preempted. Micro-batch: generations first, then contexts in order,
// in one step. Without chunking the first context that does not fit stops the walk; with it a
// context is cut to whole blocks and later ones go on. STATIC_BATCH admits by the same rule, but
// only when nothing runs.
//
// With block reuse a new context needs all its blocks in this reckoning, but those it shares with
// running ones are set aside once. A context whose first new block another one is about to compute
// waits, so as to find it (enable_prefix_aware_scheduling).
//
// With speculative decoding a generation costs 1 + K tokens; one for which the step has no room
// stops the walk. Blocks to completion include those that the last drafts may touch.
class TrtllmPolicy final : public EnginePolicy {
 public:
  TrtllmPolicy(const EngineOptions& options, const models::KvPool& pool);
  [[nodiscard]] bool accepts(std::int64_t prompt, std::int64_t max_output) const override;
  void form_batch(EngineState& state, BatchPlan& plan) override;
  [[nodiscard]] std::int64_t lane_width(const EngineState& state) const override;
  void admit(EngineState& state, BatchPlan& plan, std::int64_t decodes) override;
  void on_finished(const Sequence& s) override {
    if (guaranteed_) committed_ -= to_completion(s.prompt, s.max_output);
  }

 private:
  // The first block that a context brings.
  struct NewBlock {
    SeqId seq{};
    RunKey key;
    std::int64_t block = 0;
  };
  [[nodiscard]] std::optional<NewBlock> new_block(EngineState& state, SeqId id) const;
  [[nodiscard]] bool computed_by_another(const NewBlock& wanted) const;
  void forget_computed(EngineState& state);
  void admit_waiting(EngineState& state, BatchPlan& plan, std::int64_t budget);

  [[nodiscard]] std::int64_t to_completion(std::int64_t prompt, std::int64_t max_output) const {
    return (prompt + max_output + draft_room_ + unit_ - 1) / unit_;
  }
  // Tokens of a context of `missing` for which the step has room; 0: none.
  [[nodiscard]] std::int64_t chunk(std::int64_t missing, std::int64_t budget) const;
  void schedule_generations(EngineState& state, BatchPlan& plan, std::int64_t& budget) const;
  // One by one: with drafts, or where blocks may run out.
  void schedule_each(EngineState& state, BatchPlan& plan, std::int64_t& budget) const;
  // Tokens of a generation, 0: nothing is left to generate.
  [[nodiscard]] std::int32_t wanted(const Sequence& s) const;
  void continue_contexts(EngineState& state, BatchPlan& plan, std::int64_t& budget) const;
  // MAX_UTILIZATION: blocks for the next step only; when they run out the request that started last
  // is paused, and then nobody is admitted.
  void form_max_utilization(EngineState& state, BatchPlan& plan);
  [[nodiscard]] bool make_room(EngineState& state, BatchPlan& plan, SeqId id,
                               std::int64_t tokens) const;
  void schedule(EngineState& state, BatchPlan& plan, SeqId id, std::int64_t n) const;

  EngineOptions options_;
  std::int64_t unit_ = 1;  // tokens per block, also the unit of chunks
  std::int64_t usable_ = 0;
  std::int64_t draft_room_ = 0;   // tokens that a sequence may be ahead of its end, with drafts
  bool guaranteed_ = true;        // nothing admitted is ever paused
  std::int64_t committed_ = 0;    // blocks to completion of everything admitted
  std::vector<NewBlock> coming_;  // of contexts that are not complete
};

}  // namespace eph::sim
