#pragma once
// SGLang's scheduler: prefill batches first and alone, decode otherwise, with a reservation for
// outputs.
#include <algorithm>
#include <optional>
#include <vector>

#include "sim/engine_policy.h"

namespace eph::sim {

// sglang/srt/managers/{scheduler,schedule_policy}.py. The running list is the
// decode batch; a prefilled request joins it at once, because nothing else looks at it before the
// next composition. At most one request is prefilled in chunks; it is kept aside until its last
// one. Pages are the pool's blocks.
//
// With the radix cache idle pages count as free, and a page that a new request finds stops doing so
// before its admission is checked. Under `lpm` the queue is sorted by the longest cached prefix
// while it is short; a request that would find more once one before it has run stands back.
//
// Under the overlap scheduler no end is foreseen, not even at max_new_tokens: a finished request
// wastes its slot of the step already composed.
//
// With speculative decoding a decode step needs max(draft tokens, steps * topk) tokens a request,
// whole pages; what was not accepted is given back when its results are there. The victim of a
// retraction is the last in the batch.
class SglangPolicy final : public EnginePolicy {
 public:
  SglangPolicy(const EngineOptions& options, const models::KvPool& pool);
  [[nodiscard]] bool accepts(std::int64_t prompt, std::int64_t max_output) const override;
  void form_batch(EngineState& state, BatchPlan& plan) override;
  void on_finished(const Sequence&) override {
    if (options_.sglang.full_until_decode)
      reopens_ = batch_is_full_;
    else
      batch_is_full_ = false;
  }
  void on_aborted(SeqId id, const Sequence&) override {
    batch_is_full_ = false;
    if (chunked_ == id) chunked_.reset();
  }
  void on_idle() override { ratio_ = options_.new_token_ratio_init; }
  // Who waits is not looked at while the batch counts as full.
  [[nodiscard]] bool steady(const EngineState& state) const override {
    return !chunked_ && !reopens_ && !moved_waits(state) &&
           (batch_is_full_ || state.waiting().empty());
  }
  [[nodiscard]] bool takes_ahead() const override { return true; }
  [[nodiscard]] bool has_room_for(const EngineState& state, std::int64_t prompt,
                                  std::int64_t max_output) const override;
  [[nodiscard]] bool foresees_ends() const override { return false; }
  [[nodiscard]] std::int64_t lane_width(const EngineState& state) const override;
  void admit(EngineState& state, BatchPlan& plan, std::int64_t decodes) override;
  void form_prompts(EngineState& state, BatchPlan& plan, std::int64_t to_come) override;
  [[nodiscard]] bool lane_takes(const Sequence& s) const override {
    return s.max_output <= options_.clip_max_new_tokens;
  }
  [[nodiscard]] bool settles() const override { return true; }
  void pass(std::int64_t steps) override;
  void advance(EngineState& state, std::span<const PlanEntry> entries, std::int64_t steps) override;

 private:
  // What the prefill batch under construction may still take (PrefillAdder), in tokens.
  struct Budget {
    double total = 0;        // free KV less what running requests may still generate
    std::int64_t input = 0;  // max_prefill_tokens
    std::int64_t chunk = 0;  // chunked_prefill_size
    std::int64_t count = 0;  // requests in the batch
  };
  void form_prefill(EngineState& state, BatchPlan& plan, std::int64_t to_come);
  void form_mixed(EngineState& state, BatchPlan& plan);
  // Pages that one more token of every running sequence takes; with drafts, what they might.
  [[nodiscard]] std::int64_t pages_needed(const EngineState& state) const;
  // Tokens that the running ones may still generate, as far as each is counted.
  [[nodiscard]] std::int64_t to_come(const EngineState& state) const;
  [[nodiscard]] Budget budget(const EngineState& state, std::int64_t to_come) const;
  void continue_chunk(EngineState& state, BatchPlan& plan, Budget& left);
  void admit_moved(EngineState& state, BatchPlan& plan) const;
  // Such a one goes on as soon as it can, whatever else waits.
  [[nodiscard]] static bool moved_waits(const EngineState& state) {
    return !state.waiting().empty() && (state.is_moved(state.waiting().front()) ||
                                        state.first_with_room() < state.waiting().size());
  }
  [[nodiscard]] bool add_head(EngineState& state, BatchPlan& plan, Budget& left);
  void sort_waiting(EngineState& state);
  void charge(Budget& left, std::int64_t tokens, std::int64_t output) const;
  void form_decode(EngineState& state, BatchPlan& plan);
  void take_drafted(EngineState& state, BatchPlan& plan) const;
  void retract(EngineState& state, BatchPlan& plan);
  [[nodiscard]] bool lacks_room(const EngineState& state) const;  // after a retraction
  [[nodiscard]] SeqId victim(const EngineState& state) const;

  [[nodiscard]] std::int64_t floor_page(std::int64_t n) const { return n / page_ * page_; }
  [[nodiscard]] std::int64_t ceil_page(std::int64_t n) const { return floor_page(n + page_ - 1); }
  [[nodiscard]] std::int64_t clipped(std::int64_t tokens) const {
    return std::min(tokens, options_.clip_max_new_tokens);
  }

  EngineOptions options_;
  std::int64_t page_ = 1;
  std::int64_t draft_tokens_ = 0;  // that a request needs in a decode step; 0: no speculation
  std::int64_t usable_tokens_ = 0;
  bool chunking_ = false;
  double ratio_ = 0;
  double decay_ = 0;
  std::int64_t mixed_decodes_ = 0;  // decodes that the batch under construction takes along
  bool batch_is_full_ = false;
  bool reopens_ = false;  // with the next decode step
  std::optional<SeqId> chunked_;
  struct Place {
    SeqId seq{};
    std::size_t at = 0;       // in the queue
    std::int64_t cached = 0;  // pages; -1: stands back
  };
  std::vector<Place> places_;
  std::vector<SeqId> order_;
  std::vector<RunKey> first_new_;  // of requests that others may wait for
};

}  // namespace eph::sim
