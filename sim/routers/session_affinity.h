#pragma once
// Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018).
#include <vector>

#include "sim/router.h"

namespace eph::sim {

// Sessions and members lie on a ring; a request goes to the next member from its session on that
// has at most `bound` times the mean load, itself included. Members that come or go move only the
// sessions next to them.
class SessionAffinityRouter final : public Router {
 public:
  explicit SessionAffinityRouter(double bound) : bound_(bound) {}
  std::uint32_t pick(const RoutedRequest& request, const LoadBoard& board, SimTime) override;
  void on_members_changed(const LoadBoard& board) override;

 private:
  struct Point {
    std::uint64_t at = 0;
    std::uint32_t place = 0;
  };
  double bound_;
  std::vector<Point> ring_;  // by position
};

}  // namespace eph::sim
