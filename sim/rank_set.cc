#include "sim/rank_set.h"

#include "sim/prefix_cache.h"

namespace eph::sim {

RankSet::RankSet(const ReplicaConfig& config, EngineState& state) : kind_(config.engine.kind) {
  for (int i = 0; i < config.ranks; ++i) {
    policies_.push_back(make_policy(config.engine, config.kv));
    if (i > 0) state.add_rank(make_prefix_cache(config.engine, config.kv));
  }
}

std::size_t RankSet::next(const EngineState& state) {
  if (kind_ == models::EngineKind::sglang) return turn_++ % size();
  const std::int64_t weight = kind_ == models::EngineKind::vllm ? 4 : 1;
  const auto load = [&](std::size_t rank) {
    const EngineState::Levels levels = state.levels_of(rank);
    return weight * levels.waiting + levels.active;
  };
  std::size_t best = 0;
  for (std::size_t rank = 1; rank < size(); ++rank)
    if (load(rank) < load(best)) best = rank;
  return best;
}

}  // namespace eph::sim
