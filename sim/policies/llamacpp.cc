#include "sim/policies/llamacpp.h"

#include <algorithm>

namespace eph::sim {

LlamacppPolicy::LlamacppPolicy(const EngineOptions& options, const models::KvPool& pool)
    : batch_(options.max_num_batched_tokens),
      context_(pool.usable_tokens() / options.max_num_seqs),
      block_(pool.block_size),
      continuous_(options.continuous_batching),
      caches_(options.prefix_caching),
      similarity_(options.slot_prompt_similarity),
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
    const Sequence& s = state[slot.seq];  // the newest token was never computed
    slot.kept = std::min(s.computed, s.prompt + std::max(0, s.generated - 1));
  }
}

// At least the last token of a prompt is computed: it brings the first output.
std::int64_t LlamacppPolicy::shared(const EngineState& state, SeqId id, const Slot& slot) const {
  const std::int64_t limit = std::min<std::int64_t>(slot.kept, state[id].prompt - 1) / block_;
  return common_blocks(state.content(id), slot.content, limit, block_);
}

LlamacppPolicy::Slot* LlamacppPolicy::oldest_free() {
  Slot* oldest = nullptr;
  for (Slot& slot : slots_) {
    if (!slot.used && (oldest == nullptr || slot.freed < oldest->freed)) oldest = &slot;
  }
  return oldest;
}

// server.cpp, get_available_slot: a slot must be more alike than the threshold and than those
// before.
LlamacppPolicy::Slot* LlamacppPolicy::choose(const EngineState& state, SeqId id,
                                             std::int64_t& blocks) {
  blocks = 0;
  if (!caches_) return oldest_free();
  Slot* best = nullptr;
  if (similarity_ > 0) {
    const double least = similarity_ * static_cast<double>(state[id].prompt);
    for (Slot& slot : slots_) {
      if (slot.used) continue;
      const std::int64_t same = shared(state, id, slot);
      if (same <= blocks || static_cast<double>(same * block_) <= least) continue;
      best = &slot;
      blocks = same;
    }
  }
  if (best != nullptr) return best;
  Slot* oldest = oldest_free();
  if (oldest != nullptr) blocks = shared(state, id, *oldest);
  return oldest;
}

void LlamacppPolicy::fill_free(EngineState& state, BatchPlan& plan) {
  while (!state.waiting().empty() && state.active() < static_cast<std::int64_t>(slots_.size())) {
    std::int64_t blocks = 0;
    Slot* slot = choose(state, state.waiting().front(), blocks);
    EPH_ASSERT(slot != nullptr, "{} active sequences in {} slots", state.active(), slots_.size());
    slot->seq = state.admit(plan, 0, {.blocks = blocks, .idle = blocks});
    slot->used = true;
    state.append_running(slot->seq);
    if (!caches_) continue;
    slot->content = state.content(slot->seq);
    slot->hashes.assign(slot->content.hashes.begin(), slot->content.hashes.end());
    slot->content.hashes = slot->hashes;
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
