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
    EPH_ASSERT(sorted_.empty(), "a latency added after a quantile was asked for");
    count_ += count;
    sum_ns_ += static_cast<Wide>(value.ns) * static_cast<Wide>(count);
    max_ns_ = std::max(max_ns_, value.ns);
    store(value.ns, count);
    if (count_ > kExactLimit) overflow();
  }
  // Several, nanoseconds, each so many times.
  void add_each(std::span<const std::int64_t> values, std::uint64_t count);
  [[nodiscard]] std::uint64_t count() const { return overflowed_ ? histogram_.count() : count_; }
  [[nodiscard]] double mean_s() const;
  [[nodiscard]] double quantile_s(double p) const;  // 0 when empty
  [[nodiscard]] double max_s() const;

 private:
  __extension__ typedef __int128 Wide;
  struct Value {
    std::int64_t ns = 0;
    std::uint64_t count = 0;  // after sorting: of this value and all smaller ones
  };
  // Count and nanoseconds share a word where they fit it (a million, five hours). The words lie in
  // chunks, each as long as all before it: a growing array of a million touches twice the memory.
  static constexpr int kNsBits = 44;
  static constexpr std::uint64_t kNs = (std::uint64_t{1} << kNsBits) - 1;
  void store(std::int64_t ns, std::uint64_t count) {
    const auto value = static_cast<std::uint64_t>(ns);
    if (((value >> kNsBits) | (count >> (64 - kNsBits))) != 0) {
      large_.push_back({ns, count});
      return;
    }
    if (chunks_.empty() || chunks_.back().size() == chunks_.back().capacity()) add_chunk();
    chunks_.back().push_back(count << kNsBits | value);
  }
  void add_chunk();
  [[nodiscard]] std::size_t stored() const;
  static void sort_words(std::vector<std::uint64_t>& words, std::int64_t most);
  void overflow();
  void sort() const;
  [[nodiscard]] double order_statistic(std::uint64_t rank) const;  // ns

  std::vector<std::vector<std::uint64_t>> chunks_;
  std::vector<Value> large_;           // what does not fit a word
  mutable std::vector<Value> sorted_;  // all of them, once a quantile was asked for
  Histogram histogram_;
  // Of the exact ones.
  Wide sum_ns_ = 0;
  std::int64_t max_ns_ = 0;
  std::uint64_t count_ = 0;
  bool overflowed_ = false;
};

}  // namespace eph::sim
