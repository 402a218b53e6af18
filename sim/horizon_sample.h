#pragma once
// Times to first token in the order of sending, thinned out: do they depend on the horizon?
#include <cstdint>
#include <vector>

#include "core/time.h"

namespace eph::sim {

// Keeps every request up to kMost, then every second of them, and so on: bounded memory, and the
// same requests whatever the order in which they finish.
class HorizonSample {
 public:
  void add(std::uint64_t request, SimTime sent, Duration ttft);

  struct Sensitivity {
    double half_s = 0, all_s = 0;  // p95 over the requests of the first half of the sending time
                                   // and over all; 0 when there are none
  };
  [[nodiscard]] Sensitivity p95(SimTime first_sent, SimTime last_sent) const;

 private:
  static constexpr std::size_t kMost = 8192;
  struct Point {
    std::uint64_t request = 0;
    SimTime sent{};
    Duration ttft{};
  };
  std::vector<Point> points_;
  std::uint64_t stride_ = 1;
};

}  // namespace eph::sim
