// Data-parallel ranks of one engine state.
#include <utility>

#include "sim/engine_state.h"

namespace eph::sim {

void EngineState::add_rank(std::unique_ptr<PrefixCache> cache) {
  EPH_ASSERT(seqs_.empty(), "a rank is added to {} sequences", seqs_.size());
  const models::KvPool pool{
      .blocks = kv_.total(), .block_size = kv_.block_size(), .usable_blocks = kv_.usable()};
  const auto fresh = [&pool] {
    return Rank{.running = {}, .waiting = {}, .kv = KvBlocks(pool), .cache = nullptr};
  };
  if (parked_.empty()) parked_.push_back(fresh());
  parked_.push_back(fresh());
  Rank& rank = parked_.back();
  rank.cache = std::move(cache);
  if (rank.cache && rank.cache->rules().forgets_when_taken) rank.queue = rank.cache.get();
}

void EngineState::swap_with(Rank& rank) {
  std::swap(running_, rank.running);
  std::swap(waiting_, rank.waiting);
  std::swap(kv_, rank.kv);
  std::swap(cache_, rank.cache);
  std::swap(queue_, rank.queue);
  std::swap(active_, rank.active);
  std::swap(held_, rank.held);
}

void EngineState::swap_to(std::size_t rank) {
  EPH_DASSERT(rank < parked_.size(), "rank {} of {}", rank, parked_.size());
  swap_with(parked_[selected_]);
  swap_with(parked_[rank]);
  selected_ = rank;
}

EngineState::Levels EngineState::levels_parked(std::size_t rank) const {
  const Rank& r = parked_[rank];
  return {static_cast<std::int64_t>(r.waiting.size()), r.active, r.kv.used(), r.kv.usable(),
          r.held};
}

EngineState::Levels EngineState::levels() const {
  Levels sum = levels_of(selected_);
  for (std::size_t i = 0; i < parked_.size(); ++i) {
    if (i == selected_) continue;
    const Levels one = levels_of(i);
    sum.waiting += one.waiting;
    sum.active += one.active;
    sum.used += one.used;
    sum.usable += one.usable;
    sum.held += one.held;
  }
  return sum;
}

}  // namespace eph::sim
