#include <algorithm>

#include "sim/latency_sample.h"

namespace eph::sim {

void LatencySample::add(Duration value, std::uint64_t count) {
  EPH_ASSERT(value.ns >= 0, "INV-4: latency of {} ns", value.ns);
  EPH_ASSERT(sorted_ == 0, "a latency added after a quantile was asked for");
  count_ += count;
  sum_ns_ += static_cast<Wide>(value.ns) * static_cast<Wide>(count);
  max_ns_ = std::max(max_ns_, value.ns);
  if (overflowed_) {
    histogram_.add(value.ns, count);
    return;
  }
  if (!exact_.empty() && exact_.back().ns == value.ns)
    exact_.back().count += count;
  else
    exact_.push_back({value.ns, count});
  if (count_ <= kExactLimit) return;
  for (const Value& v : exact_) histogram_.add(v.ns, v.count);
  exact_ = {};
  overflowed_ = true;
}

double LatencySample::mean_s() const {
  return count_ == 0 ? 0.0 : static_cast<double>(sum_ns_) / static_cast<double>(count_) * 1e-9;
}

double LatencySample::max_s() const { return Duration{max_ns_}.seconds(); }

double LatencySample::quantile_s(double p) const {
  if (count_ == 0) return 0.0;
  if (overflowed_) return histogram_.quantile(p) * 1e-9;
  sort();
  const double rank = p * static_cast<double>(count_ - 1);
  const auto below = static_cast<std::uint64_t>(rank);
  const double low = order_statistic(below);
  const double high = order_statistic(std::min(below + 1, count_ - 1));
  return (low + (high - low) * (rank - static_cast<double>(below))) * 1e-9;
}

void LatencySample::sort() const {
  if (sorted_ == exact_.size()) return;
  std::sort(exact_.begin(), exact_.end(),
            [](const Value& a, const Value& b) { return a.ns < b.ns; });
  std::uint64_t cumulated = 0;
  for (Value& v : exact_) v.count = cumulated += v.count;
  sorted_ = exact_.size();
}

double LatencySample::order_statistic(std::uint64_t rank) const {
  const auto at = std::upper_bound(exact_.begin(), exact_.end(), rank,
                                   [](std::uint64_t r, const Value& v) { return r < v.count; });
  return static_cast<double>(at->ns);
}

}  // namespace eph::sim
