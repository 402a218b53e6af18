#include "sim/policies/llamacpp.h"

#include <algorithm>

namespace eph::sim {

LlamacppPolicy::LlamacppPolicy(const EngineOptions& options, const models::KvPool& pool)
    : batch_(options.max_num_batched_tokens),
      context_(pool.usable_tokens() / options.max_num_seqs),
      continuous_(options.continuous_batching),
      slots_(static_cast<std::size_t>(options.max_num_seqs)) {
  // Each slot holds whole blocks only.
  context_ = context_ / pool.block_size * pool.block_size;
  if (options.max_model_len > 0) context_ = std::min(context_, options.max_model_len);
}

bool LlamacppPolicy::accepts(std::int64_t prompt, std::int64_t max_output) const {
  return prompt + max_output <= context_;
}

// A slot's sequence is active until it ends: nothing is preempted, and an id is given to another
// sequence only after this has seen it end.
void LlamacppPolicy::free_ended(const EngineState& state) {
  for (Slot& slot : slots_) {
    if (!slot.used || state[slot.seq].state == SeqState::active) continue;
    slot.used = false;
    slot.freed = ++freed_;
  }
}

void LlamacppPolicy::fill_free(EngineState& state, BatchPlan& plan) {
  while (!state.waiting().empty() && state.active() < static_cast<std::int64_t>(slots_.size())) {
    Slot* oldest = nullptr;
    for (Slot& slot : slots_) {
      if (!slot.used && (oldest == nullptr || slot.freed < oldest->freed)) oldest = &slot;
    }
    EPH_ASSERT(oldest != nullptr, "{} active sequences in {} slots", state.active(), slots_.size());
    oldest->seq = state.admit(plan);
    oldest->used = true;
    state.append_running(oldest->seq);
  }
}

void LlamacppPolicy::form_batch(EngineState& state, BatchPlan& plan) {
  free_ended(state);
  fill_free(state, plan);
  std::int64_t room = batch_;
  for (const bool prompts : {false, true}) {
    if (prompts && !continuous_ && !plan.empty()) break;
    for (const Slot& slot : slots_) {
      if (!slot.used || state[slot.seq].prefilling() != prompts || room == 0) continue;
      const Sequence& s = state[slot.seq];
      const auto n = static_cast<std::int32_t>(std::min<std::int64_t>(s.missing(), room));
      EPH_ASSERT(state.reserve(slot.seq, s.computed + n), "a slot of {} tokens has no room for {}",
                 context_, s.computed + n);
      state.schedule(plan, slot.seq, n);
      room -= n;
    }
  }
}

}  // namespace eph::sim
