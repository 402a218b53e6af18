#include "sim/policies/vllm.h"

#include <algorithm>

#include "sim/policies/limits.h"

namespace eph::sim {

VllmPolicy::VllmPolicy(const EngineOptions& options, const models::KvPool& pool)
    : options_(options), longest_(longest_sequence(options, pool)), limit_(longest_) {
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
  if (options_.priority_scheduling || options_.speculation.on())
    schedule_each(state, plan, budget);
  else
    schedule_running(state, plan, budget);
  if (plan.preempted.size() == preempted_before) admit_waiting(state, plan, budget);
}

std::int64_t VllmPolicy::lane_width(const EngineState&) const {
  return options_.priority_scheduling || options_.speculation.on()
             ? 0
             : options_.max_num_batched_tokens;
}

void VllmPolicy::admit(EngineState& state, BatchPlan& plan, std::int64_t decodes) {
  admit_waiting(state, plan, options_.max_num_batched_tokens - decodes);
}

bool VllmPolicy::has_room_for(const EngineState& state, std::int64_t prompt, std::int64_t) const {
  const std::int64_t kept = state.running().empty() ? 0 : watermark_blocks_;
  return state.kv().blocks_for(prompt) + kept <= state.kv().free();
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

std::int64_t VllmPolicy::wanted(const Sequence& s, std::int64_t budget) const {
  const SpeculationOptions& speculation = options_.speculation;
  if (speculation.on() ? s.sure_to_end() : s.exhausted()) return 0;
  if (s.prefilling() || !speculation.on()) return std::min(limited(s.missing()), budget);
  const std::int64_t n = std::min(limited(s.missing() + speculation.drafts_of(s)), budget);
  return std::min(n, limit_ - 1 - s.computed);
}

void VllmPolicy::schedule_each(EngineState& state, BatchPlan& plan, std::int64_t& budget) const {
  for (std::size_t i = 0; i < state.running().size() && budget > 0; ++i) {
    const SeqId id = state.running()[i];
    const Sequence& s = state[id];
    const auto n = static_cast<std::int32_t>(wanted(s, budget));
    if (n <= 0) continue;
    const std::int64_t tokens = with_lookahead(s.computed + n);
    if (options_.priority_scheduling ? !make_room_by_priority(state, plan, i, tokens, budget)
                                     : !make_room(state, plan, id, tokens))
      break;
    if (s.prefilling())
      state.schedule(plan, id, n);
    else
      state.schedule_drafted(plan, id, n - 1);
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
    // KV that has come, into blocks of its own, goes first: the queue of what was skipped.
    const std::size_t with_room = state.first_with_room();
    const std::size_t at = with_room < state.waiting().size() ? with_room : next_waiting(state);
    const SeqId head = state.waiting()[at];
    PrefixHit hit = state.find_cached(head);
    if (options_.speculation.drops_last_hit && hit.blocks > 0)
      hit = state.find_cached(head, hit.blocks - 1);
    const std::int64_t whole = state[head].missing();
    const std::int64_t cached = state.tokens_of(hit);
    const std::int64_t wanted = limited(whole - cached);
    if (!options_.chunked_prefill && wanted > budget) break;
    const std::int64_t n = std::min(wanted, budget);
    // Blocks found are not taken again, but idle ones stop being free.
    const std::int64_t first = with_lookahead(cached + n);
    const std::int64_t gate = options_.reserve_full_prompt ? std::max(whole, first) : first;
    const std::int64_t brought = state[head].capacity / kv.block_size();
    const std::int64_t need =
        std::max<std::int64_t>(0, kv.blocks_for(gate) - hit.blocks - brought) + hit.idle;
    const std::int64_t kept = state.running().empty() || need == 0 ? 0 : watermark_blocks_;
    if (need + kept > kv.free()) break;  // head of line: admission never preempts
    const SeqId id = state.admit(plan, at, hit);
    state.append_running(id);
    EPH_ASSERT(state.reserve(id, first), "no room for {} admitted tokens", n);
    state.schedule(plan, id, static_cast<std::int32_t>(n));
    budget -= n;
  }
}

}  // namespace eph::sim
