#pragma once
// llama.cpp's server: a fixed number of slots, one shared batch.
#include <vector>

#include "sim/engine_policy.h"

namespace eph::sim {

// tools/server/server.cpp, update_slots: every generating slot puts its newest token into the
// batch, then slots with a prompt append theirs in slot order until n_batch is full. The context is
// split evenly over the slots, so nothing is ever preempted. A request waits until a slot is free,
// first come first served, and gets the one that has been free the longest. No prefix is reused.
// max_num_seqs: slots (--parallel); max_num_batched_tokens: n_batch. The server schedules
// synchronously.
class LlamacppPolicy final : public EnginePolicy {
 public:
  LlamacppPolicy(const EngineOptions& options, const models::KvPool& pool);
  [[nodiscard]] bool accepts(std::int64_t prompt, std::int64_t max_output) const override;
  void form_batch(EngineState& state, BatchPlan& plan) override;

 private:
  struct Slot {
    SeqId seq{};
    bool used = false;
    std::int64_t freed = 0;  // when, counted in slots that became free
  };

  void free_ended(const EngineState& state);
  void fill_free(EngineState& state, BatchPlan& plan);

  std::int64_t batch_ = 0;
  std::int64_t context_ = 0;  // tokens of one slot
  bool continuous_ = true;    // off: prompts wait until nothing generates
  std::vector<Slot> slots_;
  std::int64_t freed_ = 0;
};

}  // namespace eph::sim
