#include "sim/policies/vllm.h"

#include <algorithm>

#include "sim/policies/limits.h"

namespace eph::sim {

VllmPolicy::VllmPolicy(const EngineOptions& options, const models::KvPool& pool)
    : options_(options), longest_(longest_sequence(options, pool)) {
  // Without chunking vLLM demands a budget of at least max_model_len.
  if (!options_.chunked_prefill) longest_ = std::min(longest_, options_.max_num_batched_tokens);
  watermark_blocks_ =
      static_cast<std::int64_t>(options_.watermark * static_cast<double>(pool.blocks));
}

bool VllmPolicy::accepts(std::int64_t prompt, std::int64_t max_output) const {
  return prompt + max_output <= longest_;
}

void VllmPolicy::form_batch(EngineState& state, BatchPlan& plan) {
  const std::size_t preempted_before = plan.preempted.size();
  std::int64_t budget = options_.max_num_batched_tokens;
  if (options_.priority_scheduling)
    schedule_by_priority(state, plan, budget);
  else
    schedule_running(state, plan, budget);
  if (plan.preempted.size() == preempted_before) admit_waiting(state, plan, budget);
}

bool VllmPolicy::make_room(EngineState& state, BatchPlan& plan, SeqId id,
                           std::int64_t tokens) const {
  while (!state.reserve(id, tokens)) {
    const SeqId victim = state.running().back();
    state.pop_running();
    state.preempt(plan, victim, EngineState::Requeue::front);
    if (victim == id) return false;
  }
  return true;
}

void VllmPolicy::schedule_running(EngineState& state, BatchPlan& plan, std::int64_t& budget) const {
  DecodeWriter writer(state, plan);
  for (std::size_t i = 0; i < state.running().size() && budget > 0;) {
    const std::size_t run = writer.take_run<DecodeWriter::Exhausted::skip>(i, budget);
    i += run;
    budget -= static_cast<std::int64_t>(run);
    if (i == state.running().size() || budget == 0) break;
    // Here stands a prompt, a decode without a block, or a sequence that the step in flight is sure
    // to end.
    const SeqId id = state.running()[i];
    const Sequence& s = state[id];
    if (s.exhausted()) {
      ++i;
      continue;
    }
    // max_model_len needs no check: `accepts` holds prompt + max_output under it.
    const auto n = static_cast<std::int32_t>(std::min(limited(s.missing()), budget));
    if (!make_room(state, plan, id, s.computed + n)) break;
    if (!s.prefilling()) continue;  // the next run begins with it
    writer.chunk(id, n);
    budget -= n;
    ++i;
  }
}

bool VllmPolicy::make_room_by_priority(EngineState& state, BatchPlan& plan, std::size_t& at,
                                       std::int64_t tokens, std::int64_t& budget) const {
  const SeqId id = state.running()[at];
  while (!state.reserve(id, tokens)) {
    const auto& running = state.running();
    const auto last = std::max_element(running.begin(), running.end(), [&](SeqId a, SeqId b) {
      return state.rank(a) < state.rank(b);
    });
    const SeqId victim = *last;
    const auto place = static_cast<std::size_t>(last - running.begin());
    budget += state.unschedule(plan, victim);
    state.remove_running(place);
    state.preempt(plan, victim, EngineState::Requeue::front);
    if (victim == id) return false;
    if (place < at) --at;
  }
  return true;
}

void VllmPolicy::schedule_by_priority(EngineState& state, BatchPlan& plan,
                                      std::int64_t& budget) const {
  for (std::size_t i = 0; i < state.running().size() && budget > 0; ++i) {
    const SeqId id = state.running()[i];
    const Sequence& s = state[id];
    if (s.exhausted() || s.missing() == 0) continue;
    const auto n = static_cast<std::int32_t>(std::min(limited(s.missing()), budget));
    if (!make_room_by_priority(state, plan, i, s.computed + n, budget)) break;
    state.schedule(plan, id, n);
    budget -= n;
  }
}

std::size_t VllmPolicy::next_waiting(const EngineState& state) const {
  if (!options_.priority_scheduling) return 0;
  std::size_t best = 0;
  for (std::size_t i = 1; i < state.waiting().size(); ++i)
    if (state.rank(state.waiting()[i]) < state.rank(state.waiting()[best])) best = i;
  return best;
}

void VllmPolicy::admit_waiting(EngineState& state, BatchPlan& plan, std::int64_t budget) const {
  const KvBlocks& kv = state.kv();
  while (!state.waiting().empty() && budget > 0) {
    if (state.active() == options_.max_num_seqs) break;
    const std::size_t at = next_waiting(state);
    const SeqId head = state.waiting()[at];
    const PrefixHit hit = state.find_cached(head);
    const std::int64_t whole = state[head].missing();
    const std::int64_t cached = state.tokens_of(hit);
    const std::int64_t wanted = limited(whole - cached);
    if (!options_.chunked_prefill && wanted > budget) break;
    const std::int64_t n = std::min(wanted, budget);
    // Blocks found are not taken again, but idle ones stop being free.
    const std::int64_t gate = options_.reserve_full_prompt ? whole : cached + n;
    const std::int64_t need = kv.blocks_for(gate) - hit.blocks + hit.idle;
    const std::int64_t kept = state.running().empty() ? 0 : watermark_blocks_;
    if (need + kept > kv.free()) break;  // head of line: admission never preempts
    const SeqId id = state.admit(plan, at, hit);
    state.append_running(id);
    EPH_ASSERT(state.reserve(id, cached + n), "no room for {} admitted tokens", n);
    state.schedule(plan, id, static_cast<std::int32_t>(n));
    budget -= n;
  }
}

}  // namespace eph::sim
