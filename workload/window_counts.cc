#include "workload/window_counts.h"

#include <algorithm>

namespace eph::workload {

void WindowCounts::add(SimTime at) {
  if (!first_) first_ = at;
  const std::int64_t index = (at - *first_).ns / window_.ns;
  if (index != index_) {
    sum_ += current_;
    sum_squares_ += current_ * current_;
    current_ = 0;
    index_ = index;
  }
  ++current_;
  peak_ = std::max(peak_, current_);
}

std::optional<double> WindowCounts::dispersion() const {
  if (index_ < 2 || sum_ == 0) return std::nullopt;
  const auto n = static_cast<double>(index_);
  const double mean = static_cast<double>(sum_) / n;
  return (static_cast<double>(sum_squares_) / n - mean * mean) / mean;
}

double WindowCounts::peak_rate() const {
  return static_cast<double>(peak_) * 1e9 / static_cast<double>(window_.ns);
}

}  // namespace eph::workload
