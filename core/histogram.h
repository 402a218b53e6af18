#pragma once
// Log-bucket histogram of non-negative integers (nanoseconds, tokens): mergeable, exact counts,
// quantiles within a stated relative error.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace eph {

// Values below 2^kSubBits are counted exactly; above, each power of two has 2^kSubBits buckets, so
// a quantile is within 1 / 2^(kSubBits + 1) = 0.2 % of the true sample value (bucket midpoint).
// Merging two histograms equals the histogram of all their values.
class Histogram {
 public:
  static constexpr int kSubBits = 8;

  void add(std::int64_t value, std::uint64_t count = 1) {  // requires value >= 0
    if (count == 0) return;
    // Values that follow one another often share a bucket.
    if (!is_recent(value)) find_bucket(value);
    buckets_[recent_] += count;
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
    count_ += count;
    sum_ += static_cast<Wide>(value) * static_cast<Wide>(count);
  }
  // Several, each so many times: quick where all are in one bucket. Their sum must fit.
  void add_each(std::span<const std::int64_t> values, std::uint64_t count);
  void merge(const Histogram& other);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] double sum() const {
    return static_cast<double>(sum_);
  }                                   // exact integer sum inside
  [[nodiscard]] double mean() const;  // 0 when empty
  [[nodiscard]] std::int64_t min() const { return count_ == 0 ? 0 : min_; }
  [[nodiscard]] std::int64_t max() const;
  // Value of rank ceil(p * count) (nearest rank), clamped to [min, max]; 0 when empty. p in [0, 1].
  [[nodiscard]] double quantile(double p) const;
  // Number of values v with bucket midpoint <= limit.
  [[nodiscard]] std::uint64_t count_at_most(std::int64_t limit) const;

 private:
  [[nodiscard]] bool is_recent(std::int64_t value) const {
    return static_cast<std::uint64_t>(value - recent_from_) < recent_width_;
  }
  void find_bucket(std::int64_t value);

  std::vector<std::uint64_t> buckets_;
  std::size_t recent_ = 0;  // the bucket of the latest value, and the values that it is for
  std::int64_t recent_from_ = 0;
  std::uint64_t recent_width_ = 0;
  std::uint64_t count_ = 0;
  __extension__ typedef __int128 Wide;
  Wide sum_ = 0;
  std::int64_t min_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t max_ = 0;
};

}  // namespace eph
