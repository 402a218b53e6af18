#pragma once
// Requests per time window: peak and dispersion.
#include <cstdint>
#include <optional>

#include "core/time.h"

namespace eph::workload {

// Counts in consecutive windows of one length, from the first request on; the window in which the
// trace ends is left out of the dispersion, since it is cut. Integer sums: exact, no memory per
// window.
class WindowCounts {
 public:
  explicit WindowCounts(Duration window) : window_(window) {}

  void add(SimTime at);  // times must not decrease
  // Variance of the counts over their mean (index of dispersion); 1 for Poisson traffic, 0 for
  // evenly spaced requests. nullopt below two whole windows.
  [[nodiscard]] std::optional<double> dispersion() const;
  [[nodiscard]] double peak_rate() const;  // requests/s in the fullest window, the cut one included
  [[nodiscard]] Duration window() const { return window_; }

 private:
  Duration window_;
  std::optional<SimTime> first_;
  std::int64_t index_ = 0;     // of the current window
  std::uint64_t current_ = 0;  // requests in it
  std::uint64_t sum_ = 0;      // over the windows before
  std::uint64_t sum_squares_ = 0;
  std::uint64_t peak_ = 0;
};

}  // namespace eph::workload
