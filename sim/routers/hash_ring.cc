#include "sim/routers/hash_ring.h"

#include <algorithm>
#include <cmath>

namespace eph::sim {
namespace {

constexpr std::uint64_t kPointsPerMember = 100;

}  // namespace

void HashRing::set_members(const LoadBoard& board) {
  ring_.clear();
  for (const std::uint32_t place : board.members())
    for (std::uint64_t i = 0; i < kPointsPerMember; ++i)
      ring_.push_back({ring_hash(std::uint64_t{place} << 32 | i), place});
  std::sort(ring_.begin(), ring_.end(), [](const Point& a, const Point& b) {
    return a.at != b.at ? a.at < b.at : a.place < b.place;
  });
}

std::uint32_t HashRing::pick(std::uint64_t at, const LoadBoard& board) const {
  std::int64_t total = 1;
  for (const std::uint32_t place : board.members()) total += board.seen(place).requests;
  const double share = static_cast<double>(total) / static_cast<double>(board.members().size());
  const auto most = static_cast<std::int64_t>(std::ceil(bound_ * share));
  const auto first = std::lower_bound(ring_.begin(), ring_.end(), at,
                                      [](const Point& p, std::uint64_t x) { return p.at < x; });
  const auto start = static_cast<std::size_t>(first - ring_.begin());
  for (std::size_t i = 0; i < ring_.size(); ++i) {
    const std::uint32_t place = ring_[(start + i) % ring_.size()].place;
    if (board.seen(place).requests < most) return place;
  }
  return board.least_requests();  // stale counts: everybody seems full
}

}  // namespace eph::sim
