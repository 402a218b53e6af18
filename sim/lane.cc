#include "sim/lane.h"

#include <algorithm>
#include <utility>

namespace eph::sim {
namespace {

constexpr auto kLater = [](const auto& a, const auto& b) {
  return a.step != b.step ? a.step > b.step : a.order > b.order;
};

}  // namespace

void Lane::open(int in_flight, bool foresees, bool settles) {
  EPH_ASSERT(!open_, "a lane is opened twice");
  open_ = true;
  foresees_ = foresees;
  settles_ = settles && state_.caches();
  finished_ = changed_ = size_ = context_ = to_come_ = 0;
  composed_ = in_flight;
  entered_ = 0;
  ending_step_ = 0;
  blocks_.assign(static_cast<std::size_t>(state_.kv().block_size()), 0);
  ends_.clear();
  ending_.clear();
  ghosts_.clear();
}

void Lane::join(SeqId id, std::int32_t output) {
  changed_ = composed_ + 1;
  enter(id, composed_ - 1 + output - state_[id].generated, composed_, composed_);
}

void Lane::join_apart(SeqId id, std::int32_t output) {
  changed_ = composed_ + 1;
  enter(id, composed_ - 1 + output - state_[id].generated, composed_, composed_ + 1);
}

void Lane::prompt_done(SeqId id) {
  Sequence& s = state_.sequences()[index(id)];
  ++s.generated;
  --s.plans;
  --to_come_;
}

// `end`: the step that brings its last token; none if it is not after those composed so far, and
// its prompt came apart.
void Lane::enter(SeqId id, std::int64_t end, std::int64_t joined, std::int64_t first) {
  const Sequence& s = state_[id];
  if (index(id) >= members_.size()) members_.resize(state_.capacity());
  Member& m = members_[index(id)];
  m = Member{};
  m.present = true;
  m.composed = composed_;
  m.finished = joined > 0 ? first - 1 : finished_;
  m.joined = joined;
  m.first = first;
  m.order = entered_++;
  if (end >= first) {
    ends_.push_back({end, m.order, id});
    std::push_heap(ends_.begin(), ends_.end(), kLater);
  }
  ++size_;
  context_ += s.computed;
  to_come_ += s.max_output - s.generated;
  ++blocks_due(s);
}

// Of a settled sequence: where its next block is counted.
std::int64_t& Lane::blocks_due(const Sequence& s) {
  const std::int64_t step = composed_ + 1 + s.capacity - s.computed;
  return blocks_[static_cast<std::size_t>(step % state_.kv().block_size())];
}

void Lane::settle(SeqId id) {
  Sequence& s = state_.sequences()[index(id)];
  Member& m = members_[index(id)];
  const std::int64_t composed = std::min(composed_, m.last);
  const auto more = static_cast<std::int32_t>(composed - m.composed);
  const auto tokens = static_cast<std::int32_t>(std::max<std::int64_t>(0, finished_ - m.finished));
  m.composed = composed;
  m.finished += tokens;
  s.computed += more;
  s.sampled += more;
  s.generated += tokens;
  s.plans = static_cast<std::uint8_t>(s.plans + more - tokens);
  const auto size = static_cast<std::int32_t>(state_.kv().block_size());
  if (s.computed > s.capacity) s.capacity += (s.computed - s.capacity + size - 1) / size * size;
}

// From the next step on.
void Lane::leave_out(SeqId id, Member& m) {
  settle(id);
  const Sequence& s = state_[id];
  --size_;
  context_ -= s.computed;
  --blocks_due(s);
  m.last = composed_;
  changed_ = composed_ + 1;
}

// Those that end with `step`, whose results are the next. A sequence that joins later comes behind
// those gathered before.
void Lane::gather(std::int64_t step) {
  if (std::exchange(ending_step_, step) != step) ending_.clear();
  while (!ends_.empty() && ends_.front().step == step) {
    ending_.push_back(ends_.front().seq);
    std::pop_heap(ends_.begin(), ends_.end(), kLater);
    ends_.pop_back();
  }
}

bool Lane::prepare(std::int64_t width) {
  if (composed_ > finished_) {  // a step is in flight whose ends may be foreseen
    EPH_DASSERT(composed_ == finished_ + 1, "{} steps in flight", composed_ - finished_);
    gather(composed_);
    for (const SeqId id : ending_) {
      Member& m = members_[index(id)];
      if (!foresees_ || m.last != kNever) continue;
      settle(id);
      if (state_[id].exhausted()) leave_out(id, m);
    }
  }
  const std::size_t at = static_cast<std::size_t>((composed_ + 1) % state_.kv().block_size());
  return size_ <= width && blocks_[at] <= state_.kv().free();
}

// Of the step that comes to be composed.
void Lane::take_next_blocks() {
  const std::int64_t step = ++composed_ % state_.kv().block_size();
  const std::int64_t blocks = blocks_[static_cast<std::size_t>(step)];
  state_.take_for_decodes(blocks);
  if (settles_) state_.settle(blocks);
}

void Lane::compose(BatchPlan& plan) {
  plan.clear();
  take_next_blocks();
  plan.shape.decode_seqs = plan.shape.sampled_seqs = static_cast<std::int32_t>(size_);
  plan.shape.decode_context_tokens = context_;
  context_ += size_;
}

void Lane::finish(std::int64_t tokens) {
  ++finished_;
  to_come_ -= tokens;
  for (const SeqId id : ghosts_)
    if (--state_.sequences()[index(id)].plans == 0) state_.release(id);
  ghosts_.clear();
  gather(finished_);
}

void Lane::end(SeqId id) {
  Member& m = members_[index(id)];
  if (m.last == kNever)
    leave_out(id, m);
  else
    settle(id);
  m.present = false;
  to_come_ -= state_[id].max_output - state_[id].generated;
}

std::int64_t Lane::blocks_in(std::int64_t steps) const {
  const std::int64_t size = state_.kv().block_size();
  std::int64_t blocks = steps / size * size_;
  for (std::int64_t step = composed_ + steps / size * size; step < composed_ + steps;)
    blocks += blocks_[static_cast<std::size_t>(++step % size)];
  return blocks;
}

std::int64_t Lane::steps_alike() const {
  std::int64_t steps = std::numeric_limits<std::int32_t>::max();
  // The end's own step, and with foresight the composition of the one behind it.
  const std::int64_t past = std::max(finished_ + 1, foresees_ ? composed_ : 0);
  if (!ending_.empty() && ending_step_ > finished_)
    steps = ending_step_ - past;
  else if (!ends_.empty())
    steps = ends_.front().step - past;
  const std::int64_t size = state_.kv().block_size(), free = state_.kv().free();
  if (size_ == 0 || free >= size_ * state_.kv().blocks_for(steps)) return steps;
  steps = std::min(steps, (free / size_ + 1) * size);
  while (blocks_in(steps) > free) --steps;
  return steps;
}

void Lane::advance(std::int64_t steps) {
  if (settles_) {  // what the cache forgets depends on how many blocks each single step takes
    for (std::int64_t i = 0; i < steps; ++i) take_next_blocks();
  } else {
    state_.take_for_decodes(blocks_in(steps));
    composed_ += steps;
  }
  finished_ += steps;
  context_ += steps * size_;
  to_come_ -= steps * size_;
}

// Where prompts were admitted behind the decodes, as in every plan of a lane.
void Lane::write_entries(BatchPlan& plan, std::int64_t step) const {
  std::vector<PlanEntry>& entries = plan.entries;
  const auto admitted = static_cast<std::ptrdiff_t>(entries.size());
  for (const SeqId id : state_.running()) {
    if (!holds(id)) continue;
    const Member& m = members_[index(id)];
    if (m.joined < step && step <= m.last) entries.push_back({id, 1 | PlanEntry::kSamples});
  }
  if (step == finished_ + 1)
    for (const SeqId id : ghosts_) entries.push_back({id, 1 | PlanEntry::kSamples});
  std::rotate(entries.begin(), entries.begin() + admitted, entries.end());
}

void Lane::close(BatchPlan* const* plans, int in_flight) {
  std::int64_t step = finished_;
  for (int i = 0; i < in_flight; ++i)
    if (!plans[i]->apart) write_entries(*plans[i], ++step);
  for (const SeqId id : state_.running()) {
    if (!holds(id)) continue;
    settle(id);
    members_[index(id)].present = false;
  }
  open_ = false;
}

}  // namespace eph::sim
