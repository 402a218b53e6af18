#pragma once
// llama.cpp's server: a fixed number of slots, one shared batch.
#include <vector>

#include "sim/engine_policy.h"

namespace eph::sim {

// tools/server/server.cpp, update_slots: every generating slot puts its newest token into the
// batch, then slots with a prompt append theirs in slot order until n_batch is full. The context is
// split evenly over the slots, so nothing is ever preempted. A request waits until a slot is free,
// first come first served. With cache_prompt it gets the free slot that holds the longest beginning
// of its prompt, if that is more than the share slot_prompt_similarity of it, else the one that has
// been free the longest; what of the prompt that slot holds is not computed again.
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
    // Of its last request, whose hashes are copied because they end with it; and how many tokens of
    // it the slot holds.
    Content content;
    std::vector<std::uint64_t> hashes;
    std::int64_t kept = 0;
  };

  void free_ended(const EngineState& state);
  void fill_free(EngineState& state, BatchPlan& plan);
  [[nodiscard]] Slot* oldest_free();
  // The free slot whose contents the request is most like, and how many blocks they share.
  [[nodiscard]] Slot* choose(const EngineState& state, SeqId id, std::int64_t& blocks);
  [[nodiscard]] std::int64_t shared(const EngineState& state, SeqId id, const Slot& slot) const;

  std::int64_t batch_ = 0;
  std::int64_t context_ = 0;  // tokens of one slot
  std::int64_t block_ = 1;
  bool continuous_ = true;  // off: prompts wait until nothing generates
  bool caches_ = false;
  double similarity_ = 0;  // 0: slots are not compared
  std::vector<Slot> slots_;
  std::int64_t freed_ = 0;
};

}  // namespace eph::sim
