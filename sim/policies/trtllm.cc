#include "sim/policies/trtllm.h"

#include <algorithm>

namespace eph::sim {

TrtllmPolicy::TrtllmPolicy(const EngineOptions& options, const models::KvPool& pool)
    : options_(options),
      unit_(pool.block_size),
      usable_(pool.usable_blocks),
      // py_executor_creator.py: max_seq_len grows by the drafts, under the overlap scheduler twice.
      draft_room_(options.speculation.drafts * (options.async_scheduling ? 2 : 1)),
      guaranteed_(options.capacity != Capacity::max_utilization) {}

bool TrtllmPolicy::accepts(std::int64_t prompt, std::int64_t max_output) const {
  if (options_.max_model_len > 0 && prompt + max_output > options_.max_model_len) return false;
  if (!options_.chunked_prefill && prompt > options_.max_num_batched_tokens) return false;
  // A paused request comes back with its outputs, in one piece without chunking.
  if (!guaranteed_ && !options_.chunked_prefill &&
      prompt + max_output - 1 > options_.max_num_batched_tokens)
    return false;
  return to_completion(prompt, max_output) <= usable_;
}

std::int64_t TrtllmPolicy::chunk(std::int64_t missing, std::int64_t budget) const {
  if (missing <= budget) return missing;
  return options_.chunked_prefill ? budget / unit_ * unit_ : 0;
}

void TrtllmPolicy::schedule(EngineState& state, BatchPlan& plan, SeqId id, std::int64_t n) const {
  EPH_ASSERT(state.reserve(id, state[id].computed + n), "no block for what was guaranteed");
  state.schedule(plan, id, static_cast<std::int32_t>(n));
}

void TrtllmPolicy::schedule_generations(EngineState& state, BatchPlan& plan,
                                        std::int64_t& budget) const {
  if (options_.speculation.on()) return schedule_each(state, plan, budget);
  DecodeWriter writer(state, plan);
  for (std::size_t i = 0; i < state.running().size() && budget > 0;) {
    const std::size_t run = writer.take_run<DecodeWriter::Exhausted::skip>(i, budget);
    i += run;
    budget -= static_cast<std::int64_t>(run);
    if (i == state.running().size() || budget == 0) break;
    const SeqId id = state.running()[i];
    if (state[id].exhausted() || state[id].prefilling())
      ++i;
    else
      state.grow_for_next(id);  // and the next run begins with it
  }
}

void TrtllmPolicy::continue_contexts(EngineState& state, BatchPlan& plan,
                                     std::int64_t& budget) const {
  if (!options_.chunked_prefill) return;
  for (const SeqId id : state.running()) {
    if (!state[id].prefilling()) continue;
    const std::int64_t n = chunk(state[id].missing(), budget);
    if (n == 0) continue;
    schedule(state, plan, id, n);
    budget -= n;
  }
}

// False: `id` itself started last, and is paused.
bool TrtllmPolicy::make_room(EngineState& state, BatchPlan& plan, SeqId id,
                             std::int64_t tokens) const {
  while (!state.reserve(id, tokens)) {
    const SeqId victim = state.running().back();
    state.pop_running();
    state.preempt(plan, victim, EngineState::Requeue::front);
    if (victim == id) return false;
  }
  return true;
}

std::int32_t TrtllmPolicy::wanted(const Sequence& s) const {
  const SpeculationOptions& speculation = options_.speculation;
  if (s.prefilling() || (speculation.on() ? s.sure_to_end() : s.exhausted())) return 0;
  return 1 + speculation.drafts_of(s);
}

void TrtllmPolicy::schedule_each(EngineState& state, BatchPlan& plan, std::int64_t& budget) const {
  for (std::size_t i = 0; i < state.running().size() && budget > 0; ++i) {
    const SeqId id = state.running()[i];
    const std::int32_t n = wanted(state[id]);
    if (n == 0) continue;
    if (n > budget) {
      budget = 0;
      break;
    }
    if (!make_room(state, plan, id, state[id].computed + n)) break;
    state.schedule_drafted(plan, id, n - 1);
    budget -= n;
  }
}

void TrtllmPolicy::form_max_utilization(EngineState& state, BatchPlan& plan) {
  const std::size_t paused_before = plan.preempted.size();
  std::int64_t budget = options_.max_num_batched_tokens;
  schedule_each(state, plan, budget);
  continue_contexts(state, plan, budget);
  if (plan.preempted.size() > paused_before) return;
  for (std::size_t i = 0; i < state.waiting().size() && budget > 0;) {
    if (state.active() == options_.max_num_seqs) break;
    const SeqId id = state.waiting()[i];
    const std::optional<NewBlock> brings = new_block(state, id);
    if (brings && computed_by_another(*brings)) {
      ++i;
      continue;
    }
    const PrefixHit hit = state.find_cached(id);
    const std::int64_t whole = state[id].missing(), cached = state.tokens_of(hit);
    if (state.kv().blocks_for(whole) - hit.blocks + hit.idle > state.kv().free()) break;
    const std::int64_t n = chunk(whole - cached, budget);
    if (n == 0) break;
    state.append_running(state.admit(plan, i, hit));
    EPH_ASSERT(state.reserve(id, whole), "no room for a context of {} tokens", whole);
    state.schedule(plan, id, static_cast<std::int32_t>(n));
    budget -= n;
    if (brings) coming_.push_back(*brings);
  }
}

void TrtllmPolicy::forget_computed(EngineState& state) {
  std::erase_if(coming_, [&state](const NewBlock& b) {
    return state[b.seq].state != SeqState::active || !state[b.seq].prefilling();
  });
}

std::int64_t TrtllmPolicy::lane_width() const {
  return !guaranteed_ || options_.speculation.on() ? 0 : options_.max_num_batched_tokens;
}

void TrtllmPolicy::admit(EngineState& state, BatchPlan& plan, std::int64_t decodes) {
  forget_computed(state);
  if (options_.capacity == Capacity::static_batch && state.active() > 0) return;
  admit_waiting(state, plan, options_.max_num_batched_tokens - decodes);
}

void TrtllmPolicy::form_batch(EngineState& state, BatchPlan& plan) {
  forget_computed(state);
  if (!guaranteed_) return form_max_utilization(state, plan);
  std::int64_t budget = options_.max_num_batched_tokens;
  schedule_generations(state, plan, budget);
  continue_contexts(state, plan, budget);
  if (options_.capacity == Capacity::static_batch && state.active() > 0) return;
  admit_waiting(state, plan, budget);
}

void TrtllmPolicy::admit_waiting(EngineState& state, BatchPlan& plan, std::int64_t budget) {
  // Contexts that get no tokens now still hold their place in the capacity stage. `room`: free
  // blocks that no admitted sequence will need.
  std::int64_t fitting = state.active();
  std::int64_t room = state.kv().free() - (committed_ - state.held_blocks());
  for (std::size_t i = 0; i < state.waiting().size() && budget > 0;) {
    const SeqId id = state.waiting()[i];
    const std::optional<NewBlock> brings = new_block(state, id);
    if (brings && computed_by_another(*brings)) {
      ++i;
      continue;
    }
    const std::int64_t need = to_completion(state[id].prompt, state[id].max_output);
    if (fitting == options_.max_num_seqs || need > room) break;
    const PrefixHit hit = state.find_cached(id);
    const std::int64_t n = chunk(state[id].missing() - state.tokens_of(hit), budget);
    if (n == 0 && !options_.chunked_prefill) break;
    ++fitting;
    room -= need;
    if (n == 0) {
      ++i;
      continue;
    }
    room += hit.blocks - hit.idle;
    state.append_running(state.admit(plan, i, hit));
    committed_ += need;
    schedule(state, plan, id, n);
    budget -= n;
    if (brings) coming_.push_back(*brings);
  }
}

std::optional<TrtllmPolicy::NewBlock> TrtllmPolicy::new_block(EngineState& state, SeqId id) const {
  const std::int64_t whole = state[id].prompt / unit_;
  const std::int64_t found = state.find_shared(id, whole);
  if (found == whole) return std::nullopt;
  return NewBlock{id, state.run_key(id, found), found};
}

bool TrtllmPolicy::computed_by_another(const NewBlock& wanted) const {
  return std::any_of(coming_.begin(), coming_.end(), [&wanted](const NewBlock& b) {
    return b.block == wanted.block && b.key == wanted.key;
  });
}

}  // namespace eph::sim
