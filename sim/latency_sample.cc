#include <algorithm>
#include <utility>

#include "sim/latency_sample.h"

namespace eph::sim {

void LatencySample::add_each(std::span<const std::int64_t> values, std::uint64_t count) {
  std::size_t exact = 0;
  while (exact < values.size() && !overflowed_) add(Duration{values[exact++]}, count);
  values = values.subspan(exact);
  if (values.empty()) return;
  histogram_.add_each(values, count);
}

void LatencySample::overflow() {
  for (const Value& v : exact_) histogram_.add(v.ns, v.count);
  exact_ = {};
  overflowed_ = true;
}

double LatencySample::mean_s() const {
  if (overflowed_) return histogram_.mean() * 1e-9;
  return count_ == 0 ? 0.0 : static_cast<double>(sum_ns_) / static_cast<double>(count_) * 1e-9;
}

double LatencySample::max_s() const { return Duration{overflowed_ ? histogram_.max() : max_ns_}.seconds(); }

double LatencySample::quantile_s(double p) const {
  if (overflowed_) return histogram_.quantile(p) * 1e-9;
  if (count_ == 0) return 0.0;
  sort();
  const double rank = p * static_cast<double>(count_ - 1);
  const auto below = static_cast<std::uint64_t>(rank);
  const double low = order_statistic(below);
  const double high = order_statistic(std::min(below + 1, count_ - 1));
  return (low + (high - low) * (rank - static_cast<double>(below))) * 1e-9;
}

// By digits, because a run may have a million of each kind.
void LatencySample::sort() const {
  if (sorted_ == exact_.size()) return;
  constexpr int kDigit = 11;
  if (exact_.size() < (std::size_t{1} << kDigit)) {
    std::sort(exact_.begin(), exact_.end(),
              [](const Value& a, const Value& b) { return a.ns < b.ns; });
  } else {
    std::vector<Value> other(exact_.size());
    std::vector<std::size_t> first(std::size_t{1} << kDigit);
    for (int shift = 0; max_ns_ >> shift > 0; shift += kDigit) {
      const auto digit = [shift](const Value& v) {
        return static_cast<std::size_t>(v.ns >> shift) & ((std::size_t{1} << kDigit) - 1);
      };
      std::fill(first.begin(), first.end(), 0);
      for (const Value& v : exact_) ++first[digit(v)];
      std::size_t before = 0;
      for (std::size_t& f : first) before += std::exchange(f, before);
      for (const Value& v : exact_) other[first[digit(v)]++] = v;
      exact_.swap(other);
    }
  }
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
