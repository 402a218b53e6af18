#pragma once
// Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018).
#include <vector>

#include "sim/fleet/load_board.h"

namespace eph::sim {

// splitmix64: spreads numbers over the ring.
[[nodiscard]] inline std::uint64_t ring_hash(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// Keys and members lie on a ring; a key goes to the next member from it on that has at most `bound`
// times the mean load, the new request included. Members that come or go move only the keys next
// to them.
class HashRing {
 public:
  explicit HashRing(double bound) : bound_(bound) {}
  void set_members(const LoadBoard& board);
  [[nodiscard]] std::uint32_t pick(std::uint64_t at, const LoadBoard& board) const;

 private:
  struct Point {
    std::uint64_t at = 0;
    std::uint32_t place = 0;
  };
  double bound_;
  std::vector<Point> ring_;  // by position
};

}  // namespace eph::sim
