#pragma once
// How many whole replicas a real number asks for.
#include <algorithm>
#include <cmath>

namespace eph::sim {

// The ceiling, forgiving what rounding adds to a whole number; at most 1e9.
[[nodiscard]] inline int ceil_count(double x) {
  return static_cast<int>(std::ceil(std::min(x, 1e9) - 1e-9));
}

}  // namespace eph::sim
