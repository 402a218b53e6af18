#include <algorithm>
#include <cmath>

#include "sim/metrics.h"

namespace eph::sim {

void LatencySample::add(Duration value, std::uint64_t count) {
  EPH_ASSERT(value.ns >= 0, "INV-4: latency of {} ns", value.ns);
  sum_ns_ += static_cast<Wide>(value.ns) * static_cast<Wide>(count);
  max_ns_ = std::max(max_ns_, value.ns);
  if (!overflowed_ && exact_.size() + count <= kExactLimit) {
    exact_.insert(exact_.end(), count, value.ns);
    sorted_ = false;
    return;
  }
  if (!overflowed_) {
    for (const std::int64_t ns : exact_) histogram_.add(ns);
    exact_ = {};
    overflowed_ = true;
  }
  histogram_.add(value.ns, count);
}

std::uint64_t LatencySample::count() const {
  return overflowed_ ? histogram_.count() : exact_.size();
}

double LatencySample::mean_s() const {
  return count() == 0 ? 0.0 : static_cast<double>(sum_ns_) / static_cast<double>(count()) * 1e-9;
}

double LatencySample::max_s() const { return Duration{max_ns_}.seconds(); }

double LatencySample::quantile_s(double p) const {
  if (count() == 0) return 0.0;
  if (overflowed_) return histogram_.quantile(p) * 1e-9;
  if (!sorted_) {
    std::sort(exact_.begin(), exact_.end());
    sorted_ = true;
  }
  const double rank = p * static_cast<double>(exact_.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const std::size_t above = std::min(below + 1, exact_.size() - 1);
  const auto low = static_cast<double>(exact_[below]);
  const auto high = static_cast<double>(exact_[above]);
  return (low + (high - low) * (rank - static_cast<double>(below))) * 1e-9;
}

}  // namespace eph::sim
