#include "sim/engine_state.h"

#include <algorithm>
#include <limits>

namespace eph::sim {

EngineState::EngineState(const models::KvPool& pool, std::int64_t max_num_seqs,
                         std::unique_ptr<PrefixCache> cache)
    : kv_(pool),
      cache_(std::move(cache)),
      queue_(cache_ && cache_->rules().forgets_when_taken ? cache_.get() : nullptr) {
  // Close together: of a large fleet the replicas' states are spread over no more pages than they
  // fill. Those with more sequences grow.
  const auto expected = static_cast<std::size_t>(std::min<std::int64_t>(max_num_seqs, 32));
  seqs_.reserve(expected);
  requests_.reserve(expected);
  unused_.reserve(expected);
  running_.reserve(expected);
}

SeqId EngineState::add_waiting(std::int32_t prompt, std::int32_t max_output, RequestId request,
                               const Content& content) {
  const SeqId id = add(prompt, max_output, request, content);
  waiting_.push_back(id);
  return id;
}

SeqId EngineState::expect(std::int32_t prompt, std::int32_t max_output, RequestId request,
                          const Content& content) {
  const SeqId id = add(prompt, max_output, request, content);
  const std::int64_t blocks = kv_.blocks_for(prompt);
  EPH_ASSERT(kv_.take(blocks), "INV-3: {} kv blocks for KV to come, {} free", blocks, kv_.free());
  if (queue_ != nullptr) queue_->take(blocks);
  settle(blocks);
  seqs_[index(id)].capacity = static_cast<std::int32_t>(blocks * kv_.block_size());
  aside_.push_back(id);
  if (index(id) >= expected_.size()) expected_.resize(seqs_.size());
  expected_[index(id)] = true;
  return id;
}

void EngineState::arrive(SeqId id) {
  EPH_ASSERT(is_expected(id), "a sequence arrives that nobody expects");
  expected_[index(id)] = false;
  waiting_.push_back(id);
}

void EngineState::hold_aside(SeqId id) {
  aside_.erase(std::find(aside_.begin(), aside_.end(), id));
  held_ += seqs_[index(id)].capacity / kv_.block_size();
}

std::size_t EngineState::first_with_room() const {
  std::size_t i = aside_.empty() ? waiting_.size() : 0;
  while (i < waiting_.size() && seqs_[index(waiting_[i])].capacity == 0) ++i;
  return i;
}

SeqId EngineState::add(std::int32_t prompt, std::int32_t max_output, RequestId request,
                       const Content& content) {
  if (unused_.empty()) {
    unused_.push_back(SeqId{static_cast<std::uint32_t>(seqs_.size())});
    seqs_.emplace_back();
    requests_.emplace_back();
    if (cache_) contents_.emplace_back();
  }
  const SeqId id = unused_.back();
  unused_.pop_back();
  Sequence& s = seqs_[index(id)];
  s = Sequence{};
  s.prompt = prompt;
  s.max_output = max_output;
  s.prefill_end = prompt;
  requests_[index(id)] = request;
  if (cache_) contents_[index(id)] = content;
  if (index(id) < moved_.size()) moved_[index(id)] = 0;
  if (!parked_.empty()) {
    ranks_of_.resize(seqs_.size());
    ranks_of_[index(id)] = static_cast<std::uint16_t>(selected_);
  }
  return id;
}

// At least one token is computed: it brings the next one.
PrefixHit EngineState::find_cached(SeqId id, std::int64_t most) {
  if (is_moved(id)) return {.moved = moved_[index(id)]};
  if (!cache_) return {};
  const Sequence& s = seqs_[index(id)];
  const Content& content = contents_[index(id)];
  if (s.preemptions == 0 && !content.shares()) return {};
  const std::int64_t whole = (s.prompt + s.generated - 1) / kv_.block_size();
  return cache_->find(content, std::min(whole, most));
}

std::int64_t EngineState::find_shared(SeqId id, std::int64_t blocks) {
  if (!cache_ || !contents_[index(id)].shares()) return blocks;
  return cache_->find(contents_[index(id)], blocks).blocks;
}

SeqId EngineState::admit(BatchPlan& plan, std::size_t i, const PrefixHit& hit) {
  const SeqId id = waiting_[i];
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
  if (s.capacity > 0) hold_aside(id);
  const auto cached = static_cast<std::int32_t>(hit.blocks * kv_.block_size());
  // What it still has to compute is a decode.
  if (hit.moved > 0) s.computed = s.prefill_end = static_cast<std::int32_t>(hit.moved);
  plan.admitted.push_back({request(id), cached});
  if (s.preemptions == 0) plan.first_scheduled.push_back({id, cached});
  if (hit.blocks > 0) {
    EPH_ASSERT(kv_.take(hit.idle), "INV-3: {} idle kv blocks are not free", hit.idle);
    cache_->hold(id, contents_[index(id)], hit.blocks);
    held_ += hit.blocks;
    s.computed = s.capacity = cached;
  }
  return id;
}

void EngineState::reorder_waiting(std::span<const SeqId> order) {
  EPH_ASSERT(order.size() == waiting_.size(), "{} of {} waiting sequences reordered", order.size(),
             waiting_.size());
  for (std::size_t i = 0; i < order.size(); ++i) waiting_.set(i, order[i]);
}

// Only tokens that are known have a name: not those in flight.
void EngineState::store(SeqId id, bool returns) {
  const Sequence& s = seqs_[index(id)];
  const std::int64_t tokens = std::min(s.computed, s.prompt + s.generated);
  kv_.give_back(cache_->store(id, contents_[index(id)], tokens / kv_.block_size(), returns));
}

void EngineState::prefill_done(SeqId id) {
  const Sequence& s = seqs_[index(id)];
  if (s.state != SeqState::active || cache_->rules().stores_when_scheduled ||
      !cache_->rules().stores_prompts)
    return;
  kv_.give_back(cache_->store(id, contents_[index(id)], s.prefill_end / kv_.block_size(), false));
}

bool EngineState::reserve_slow(SeqId id, std::int64_t tokens) {
  Sequence& s = seqs_[index(id)];
  const std::int64_t more = kv_.blocks_for(tokens) - s.capacity / kv_.block_size();
  if (!kv_.take(more)) return false;
  if (queue_ != nullptr) queue_->take(more);
  held_ += more;
  s.capacity += static_cast<std::int32_t>(more * kv_.block_size());
  return true;
}

void EngineState::free_blocks(SeqId id) {
  Sequence& s = seqs_[index(id)];
  const std::int64_t blocks = s.capacity / kv_.block_size();
  kv_.give_back(cache_ ? cache_->release(id, blocks) : blocks);
  held_ -= blocks;
  s.capacity = 0;
}

void EngineState::preempt(BatchPlan& plan, SeqId id, Requeue where) {
  Sequence& s = seqs_[index(id)];
  EPH_ASSERT(s.state == SeqState::active, "preemption of a sequence in state {}",
             static_cast<int>(s.state));
  if (cache_ && cache_->rules().stores_preempted) store(id, true);
  free_blocks(id);
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
  const PlanEntry at_entry = *at;
  const std::int32_t n = at_entry.tokens();
  const bool samples = at_entry.samples();
  plan.entries.erase(at);
  Sequence& s = seqs_[index(id)];
  const bool prefill = at_entry.prefills();
  s.computed -= n;
  s.sampled -= prefill ? (samples ? 1 : 0) : n;
  --s.plans;
  models::BatchShape& shape = plan.shape;
  shape.sampled_seqs -= samples ? 1 : 0;
  if (prefill) {
    --shape.prefill_seqs;
    shape.prefill_tokens -= n;
    shape.prefill_context_tokens -= s.computed;
    shape.prefill_pairs -= std::int64_t{n} * s.computed + std::int64_t{n} * (n + 1) / 2;
  } else {
    --shape.decode_seqs;
    shape.draft_tokens -= n - 1;
    shape.decode_context_tokens -= s.computed;
  }
  return n;
}

void EngineState::schedule_drafted(BatchPlan& plan, SeqId id, std::int32_t drafts) {
  Sequence& s = seqs_[index(id)];
  const std::int32_t n = 1 + drafts;
  EPH_DASSERT(!s.prefilling() && s.missing() == 1, "drafts for a sequence that misses {} tokens",
              s.missing());
  EPH_DASSERT(s.computed + n <= s.capacity, "{} + {} tokens in room for {}", s.computed, n,
              s.capacity);
  plan.shape.add_decode(s.computed);
  plan.shape.draft_tokens += drafts;
  plan.entries.push_back({id, static_cast<std::uint32_t>(n) | PlanEntry::kSamples});
  s.computed += n;
  s.sampled += n;
  ++s.plans;
}

void EngineState::reject_drafts(SeqId id, std::int32_t rejected) {
  Sequence& s = seqs_[index(id)];
  s.sampled -= rejected;
  if (s.state == SeqState::active) s.computed -= rejected;  // else all of it is gone
}

void EngineState::trim(SeqId id) {
  EPH_DASSERT(queue_ == nullptr, "blocks given back to a queue");
  Sequence& s = seqs_[index(id)];
  const std::int64_t needed = kv_.blocks_for(s.computed) * kv_.block_size();
  const std::int64_t blocks = (s.capacity - needed) / kv_.block_size();
  kv_.give_back(blocks);
  held_ -= blocks;
  s.capacity = static_cast<std::int32_t>(needed);
}

std::int64_t EngineState::decodable(std::span<const PlanEntry> entries, std::int64_t steps) {
  const auto seqs = static_cast<std::int64_t>(entries.size());
  const std::int64_t size = kv_.block_size(), free = kv_.free();
  if (free >= seqs * kv_.blocks_for(steps)) return steps;
  if (free >= seqs) return std::min(steps, free / seqs * size);
  // Less than one block each: until the first that finds none.
  phases_.assign(static_cast<std::size_t>(size), 0);
  for (const PlanEntry entry : entries) {
    const Sequence& s = seqs_[index(entry.seq)];
    ++phases_[static_cast<std::size_t>(std::min<std::int64_t>(s.capacity - s.computed, size - 1))];
  }
  std::int64_t taken = 0;
  for (std::int64_t step = 0; step < std::min(steps, size); ++step) {
    taken += phases_[static_cast<std::size_t>(step)];
    if (taken > free) return step;
  }
  return std::min(steps, size);
}

void EngineState::decode_on(std::span<const PlanEntry> entries, std::int64_t steps,
                            Settling settling) {
  const bool settles = settling == Settling::yes && cache_ != nullptr && queue_ == nullptr;
  if (settles) take_settling(entries, steps);
  const auto n = static_cast<std::int32_t>(steps);
  const auto size = static_cast<std::int32_t>(kv_.block_size());
  std::int64_t blocks = 0;
  for (const PlanEntry entry : entries) {
    Sequence& s = seqs_[index(entry.seq)];
    s.computed += n;
    s.sampled += n;
    s.generated += n;
    if (s.computed <= s.capacity) continue;
    const std::int32_t more = (s.computed - s.capacity + size - 1) / size;
    blocks += more;
    s.capacity += more * size;
  }
  held_ += blocks;
  if (settles || blocks == 0) return;
  EPH_ASSERT(kv_.take(blocks), "INV-3: {} kv blocks needed, {} free", blocks, kv_.free());
  if (queue_ != nullptr) queue_->take(blocks);
}

// What the cache forgets depends on how many blocks each single step takes.
void EngineState::take_settling(std::span<const PlanEntry> entries, std::int64_t steps) {
  const std::int64_t size = kv_.block_size();
  phases_.assign(static_cast<std::size_t>(size), 0);
  for (const PlanEntry entry : entries) {
    const Sequence& s = seqs_[index(entry.seq)];
    ++phases_[static_cast<std::size_t>((s.capacity - s.computed) % size)];
  }
  for (std::int64_t step = 0; step < steps; ++step) {
    const std::int64_t blocks = phases_[static_cast<std::size_t>(step % size)];
    EPH_ASSERT(kv_.take(blocks), "INV-3: {} kv blocks needed, {} free", blocks, kv_.free());
    cache_->forget(blocks, kv_.free());
  }
}

void EngineState::set_moved(SeqId id, std::int32_t tokens) {
  EPH_ASSERT(tokens < seqs_[index(id)].prompt, "KV of {} tokens came with a prompt of {}", tokens,
             seqs_[index(id)].prompt);
  if (index(id) >= moved_.size()) moved_.resize(seqs_.size());
  moved_[index(id)] = tokens;
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
    if (cache_) {  // the newest token was never computed, of an aborted prompt maybe more
      const std::int64_t tokens = std::min(s.computed, s.prompt + s.generated - 1);
      kv_.give_back(cache_->store(id, contents_[index(id)], tokens / kv_.block_size(), false));
    }
    if (is_kept(id)) {
      kept_ += s.capacity / kv_.block_size();
      held_ -= s.capacity / kv_.block_size();
    } else {
      free_blocks(id);
    }
    --active_;
  } else {  // its KV never came, or its client has gone, or its last token was in flight
    if (is_expected(id)) {
      expected_[index(id)] = false;
    } else {
      std::size_t i = 0;
      while (waiting_[i] != id) ++i;
      waiting_.erase(i);
    }
    if (s.capacity > 0) {
      hold_aside(id);
      free_blocks(id);
    }
  }
  s.state = SeqState::ended;
}

void EngineState::release(SeqId id) {
  EPH_DASSERT(seqs_[index(id)].plans == 0, "a sequence of a composed step is released");
  if (!is_kept(id)) unused_.push_back(id);
}

void EngineState::keep(SeqId id) {
  if (index(id) >= keeps_.size()) keeps_.resize(seqs_.size());
  keeps_[index(id)] = true;
}

void EngineState::let_go(SeqId id) {
  Sequence& s = seqs_[index(id)];
  EPH_ASSERT(is_kept(id) && s.state == SeqState::ended, "a sequence in state {} is let go",
             static_cast<int>(s.state));
  keeps_[index(id)] = false;
  const std::int64_t blocks = s.capacity / kv_.block_size();
  kv_.give_back(cache_ ? cache_->release(id, blocks) : blocks);
  kept_ -= blocks;
  s.capacity = 0;
  if (s.plans == 0) unused_.push_back(id);
}

}  // namespace eph::sim
