#include "sim/routers/llm_d.h"

#include <algorithm>

namespace eph::sim {
namespace {

// Unshared blocks are remembered in lots of this share of a server's memory.
constexpr std::int64_t kLots = 256;

}  // namespace

LlmdRouter::LlmdRouter(const LlmdOptions& options, const StreamKey& draws)
    : options_(options),
      draws_(draws),
      cached_(options.block_tokens, options.lru_capacity_per_server / kLots) {}

std::int64_t LlmdRouter::blocks_of(const RoutedRequest& request) const {
  return std::min(request.prompt_tokens / options_.block_tokens, options_.max_prefix_blocks);
}

void LlmdRouter::score_prefixes(const RoutedRequest& request, const LoadBoard& board) {
  prefix_.assign(board.members().back() + 1, 0.0);
  const std::int64_t blocks = blocks_of(request);
  for (const PrefixIndex::Match& m : cached_.match(*request.content, blocks))
    prefix_[m.place] = static_cast<double>(m.blocks) / static_cast<double>(blocks);
}

std::uint32_t LlmdRouter::pick(const RoutedRequest& request, const LoadBoard& board, SimTime) {
  EPH_DASSERT(request.content != nullptr, "a prompt of unknown content");
  score_prefixes(request, board);
  std::int64_t longest = board.levels(board.members().front()).waiting, shortest = longest;
  for (const std::uint32_t place : board.members()) {
    longest = std::max(longest, board.levels(place).waiting);
    shortest = std::min(shortest, board.levels(place).waiting);
  }
  double top = -1;
  for (const std::uint32_t place : board.members()) {
    const EngineLevels& at = board.levels(place);
    const double queue = longest == shortest ? 1
                                             : static_cast<double>(longest - at.waiting) /
                                                   static_cast<double>(longest - shortest);
    const double score = options_.queue_weight * queue +
                         options_.kv_cache_utilization_weight * (1 - at.kv_usage) +
                         options_.prefix_cache_weight * prefix_[place];
    if (score < top) continue;
    if (score > top) best_.clear();
    top = score;
    best_.push_back(place);
  }
  if (best_.size() == 1) return best_.front();
  draws_.entity = index(request.id);
  Stream stream(draws_);
  return best_[stream.below(best_.size())];
}

void LlmdRouter::on_sent(const RoutedRequest& request, std::uint32_t place, SimTime now) {
  cached_.insert(*request.content, blocks_of(request), place, now);
  cached_.trim(place, options_.lru_capacity_per_server);
}

}  // namespace eph::sim
