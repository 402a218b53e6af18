#include "sim/engine_state.h"

#include <algorithm>
#include <limits>

namespace eph::sim {

EngineState::EngineState(const models::KvPool& pool, std::int64_t max_num_seqs,
                         bool keeps_contents)
    : kv_(pool) {
  if (keeps_contents) free_.emplace(pool.usable_blocks);
  const auto expected = static_cast<std::size_t>(std::min<std::int64_t>(max_num_seqs, 4096));
  running_.reserve(expected);
  seqs_.reserve(expected);
  requests_.reserve(expected);
}

SeqId EngineState::add_waiting(std::int32_t prompt, std::int32_t max_output, RequestId request) {
  if (unused_.empty()) {
    unused_.push_back(SeqId{static_cast<std::uint32_t>(seqs_.size())});
    seqs_.emplace_back();
    requests_.emplace_back();
  }
  const SeqId id = unused_.back();
  unused_.pop_back();
  Sequence& s = seqs_[index(id)];
  s = Sequence{};
  s.prompt = prompt;
  s.max_output = max_output;
  s.prefill_end = prompt;
  requests_[index(id)] = request;
  waiting_.push_back(id);
  return id;
}

std::int32_t EngineState::cached_tokens(SeqId id) const {
  const Sequence& s = seqs_[index(id)];
  if (!free_ || s.preemptions == 0) return 0;
  const std::int64_t known = s.prompt + s.generated;
  const std::int64_t blocks = std::min(free_->kept(id), (known - 1) / kv_.block_size());
  return static_cast<std::int32_t>(blocks * kv_.block_size());
}

SeqId EngineState::admit(BatchPlan& plan, std::size_t i) {
  const SeqId id = waiting_[i];
  const std::int32_t cached = cached_tokens(id);
  if (i == 0)
    (void)waiting_.pop_front();
  else
    waiting_.erase(i);
  Sequence& s = seqs_[index(id)];
  EPH_ASSERT(s.state == SeqState::waiting && s.sampled == s.generated && s.computed == 0,
             "admission of a sequence in state {} with {} of {} tokens known",
             static_cast<int>(s.state), s.generated, s.sampled);
  s.state = SeqState::active;
  s.prefill_end = s.prompt + s.generated;
  ++active_;
  if (s.preemptions == 0) plan.first_scheduled.push_back(id);
  plan.admitted.push_back({request(id), cached});
  if (cached > 0) {
    const std::int64_t blocks = cached / kv_.block_size();
    EPH_ASSERT(kv_.take(blocks), "INV-3: {} kept kv blocks are not free", blocks);
    free_->claim(id, blocks);
    s.computed = s.capacity = cached;
  }
  return id;
}

bool EngineState::reserve_slow(SeqId id, std::int64_t tokens) {
  Sequence& s = seqs_[index(id)];
  const std::int64_t more = kv_.blocks_for(tokens) - s.capacity / kv_.block_size();
  if (!kv_.take(more)) return false;
  if (free_) free_->take(more);
  s.capacity += static_cast<std::int32_t>(more * kv_.block_size());
  return true;
}

void EngineState::free_blocks(SeqId id, bool comes_back) {
  Sequence& s = seqs_[index(id)];
  const std::int64_t blocks = s.capacity / kv_.block_size();
  kv_.give_back(blocks);
  if (free_) free_->give_back(id, comes_back, blocks);
  s.capacity = 0;
}

void EngineState::preempt(BatchPlan& plan, SeqId id, Requeue where) {
  Sequence& s = seqs_[index(id)];
  EPH_ASSERT(s.state == SeqState::active, "preemption of a sequence in state {}",
             static_cast<int>(s.state));
  free_blocks(id, true);
  s.computed = 0;
  s.state = SeqState::waiting;
  if (s.preemptions < std::numeric_limits<std::uint16_t>::max()) ++s.preemptions;
  --active_;
  if (where == Requeue::front)
    waiting_.push_front(id);
  else
    waiting_.push_back(id);
  plan.preempted.push_back(request(id));
}

std::int32_t EngineState::unschedule(BatchPlan& plan, SeqId id) {
  const auto at = std::find_if(plan.entries.begin(), plan.entries.end(),
                               [id](const PlanEntry& entry) { return entry.seq == id; });
  if (at == plan.entries.end()) return 0;
  const std::int32_t n = at->tokens();
  const bool samples = at->samples();
  plan.entries.erase(at);
  Sequence& s = seqs_[index(id)];
  s.computed -= n;
  s.sampled -= samples ? 1 : 0;
  --s.plans;
  models::BatchShape& shape = plan.shape;
  shape.sampled_seqs -= samples ? 1 : 0;
  if (s.prefilling()) {
    --shape.prefill_seqs;
    shape.prefill_tokens -= n;
    shape.prefill_context_tokens -= s.computed;
    shape.prefill_pairs -= std::int64_t{n} * s.computed + std::int64_t{n} * (n + 1) / 2;
  } else {
    --shape.decode_seqs;
    shape.decode_context_tokens -= s.computed;
  }
  return n;
}

void EngineState::set_priority(SeqId id, std::int32_t priority) {
  if (index(id) >= priorities_.size()) {
    if (priority == 0) return;
    priorities_.resize(seqs_.size());
  }
  priorities_[index(id)] = priority;
}

void EngineState::drop_inactive() {
  std::erase_if(running_, [this](SeqId id) { return seqs_[index(id)].state != SeqState::active; });
}

void EngineState::end(SeqId id) {
  Sequence& s = seqs_[index(id)];
  EPH_ASSERT(s.state != SeqState::ended, "a sequence ends twice");
  if (s.state == SeqState::active) {
    free_blocks(id, false);
    --active_;
  } else {  // preempted while its last token was in flight
    std::size_t i = 0;
    while (waiting_[i] != id) ++i;
    waiting_.erase(i);
  }
  s.state = SeqState::ended;
}

void EngineState::release(SeqId id) {
  EPH_DASSERT(seqs_[index(id)].plans == 0, "a sequence of a composed step is released");
  unused_.push_back(id);
}

}  // namespace eph::sim
