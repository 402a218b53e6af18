#pragma once
// Latencies of a run, and their quantiles.
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/histogram.h"
#include "core/time.h"

namespace eph::sim {

// Latency values with their counts: exact up to kExactLimit values, then a log-bucket histogram
// (0.2 %), in bounded memory. The order of additions does not matter. Quantiles of the exact form
// interpolate linearly between order statistics (as core/stats.h does).
class LatencySample {
 public:
  static constexpr std::size_t kExactLimit = std::size_t{1} << 20;
  void add(Duration value, std::uint64_t count = 1) {
    EPH_ASSERT(value.ns >= 0, "INV-4: latency of {} ns", value.ns);
    if (overflowed_) {
      histogram_.add(value.ns, count);
      return;
    }
    EPH_ASSERT(sorted_ == 0, "a latency added after a quantile was asked for");
    count_ += count;
    sum_ns_ += static_cast<Wide>(value.ns) * static_cast<Wide>(count);
    max_ns_ = std::max(max_ns_, value.ns);
    if (!exact_.empty() && exact_.back().ns == value.ns)
      exact_.back().count += count;
    else
      exact_.push_back({value.ns, count});
    if (count_ > kExactLimit) overflow();
  }
  // Several, nanoseconds, each so many times.
  void add_each(std::span<const std::int64_t> values, std::uint64_t count);
  [[nodiscard]] std::uint64_t count() const {
    return overflowed_ ? histogram_.count() : count_;
  }
  [[nodiscard]] double mean_s() const;
  [[nodiscard]] double quantile_s(double p) const;  // 0 when empty
  [[nodiscard]] double max_s() const;

 private:
  __extension__ typedef __int128 Wide;
  struct Value {
    std::int64_t ns = 0;
    std::uint64_t count = 0;  // after sorting: of this value and all smaller ones
  };
  void overflow();
  void sort() const;
  [[nodiscard]] double order_statistic(std::uint64_t rank) const;  // ns

  mutable std::vector<Value> exact_;
  mutable std::size_t sorted_ = 0;  // how many of exact_ are in sorted, cumulated form
  Histogram histogram_;
  // Of the exact ones.
  Wide sum_ns_ = 0;
  std::int64_t max_ns_ = 0;
  std::uint64_t count_ = 0;
  bool overflowed_ = false;
};

}  // namespace eph::sim
