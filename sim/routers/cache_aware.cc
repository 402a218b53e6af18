#include "sim/routers/cache_aware.h"

#include <algorithm>

namespace eph::sim {
namespace {

// Unshared tokens are remembered in lots of this share of a tree.
constexpr std::int64_t kLots = 256;

std::int64_t tokens_of(const CacheAwareOptions& o) {
  return static_cast<std::int64_t>(static_cast<double>(o.max_tree_size) / o.chars_per_token);
}

}  // namespace

CacheAwareRouter::CacheAwareRouter(const CacheAwareOptions& options)
    : options_(options),
      most_tokens_(tokens_of(options)),
      tree_(1, most_tokens_ / kLots),
      next_eviction_(SimTime::zero() + options.eviction_interval) {}

bool CacheAwareRouter::imbalanced(const LoadBoard& board) const {
  const std::int64_t least = board.seen(board.least_requests()).requests;
  std::int64_t most = least;
  for (const std::uint32_t place : board.members())
    most = std::max(most, board.seen(place).requests);
  return most - least > options_.balance_abs_threshold &&
         static_cast<double>(most) > options_.balance_rel_threshold * static_cast<double>(least);
}

std::uint32_t CacheAwareRouter::pick(const RoutedRequest& request, const LoadBoard& board,
                                     SimTime now) {
  EPH_DASSERT(request.content != nullptr, "a prompt of unknown content");
  evict(now);
  if (imbalanced(board)) return board.least_requests();
  PrefixIndex::Match best;
  for (const PrefixIndex::Match& m : tree_.match(*request.content, request.prompt_tokens))
    if (m.blocks > best.blocks || (m.blocks == best.blocks && m.place < best.place)) best = m;
  if (static_cast<double>(best.blocks) >
      options_.cache_threshold * static_cast<double>(request.prompt_tokens))
    return best.place;
  std::uint32_t smallest = board.members().front();
  for (const std::uint32_t place : board.members())
    if (tree_.size(place) < tree_.size(smallest)) smallest = place;
  return smallest;
}

void CacheAwareRouter::on_sent(const RoutedRequest& request, std::uint32_t place, SimTime now) {
  evict(now);
  tree_.insert(*request.content, request.prompt_tokens, place, now);
}

// At the multiples of the interval; nobody looks in between.
void CacheAwareRouter::evict(SimTime now) {
  if (now < next_eviction_) return;
  for (std::uint32_t place = 0; place < tree_.places(); ++place) tree_.trim(place, most_tokens_);
  const std::int64_t interval = options_.eviction_interval.ns;
  next_eviction_ = SimTime{now.ns - now.ns % interval + interval};
}

}  // namespace eph::sim
