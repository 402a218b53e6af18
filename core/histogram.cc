#include "core/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/assert.h"

namespace eph {

namespace {

constexpr std::size_t kSubBuckets = std::size_t{1} << Histogram::kSubBits;

// Number of low bits of the value that its bucket forgets; 0 below 2^kSubBits.
int forgotten_bits(std::int64_t value) {
  const auto width = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(value)));
  return std::max(0, width - 1 - Histogram::kSubBits);
}

std::size_t bucket_of(std::int64_t value) {
  const int shift = forgotten_bits(value);
  return static_cast<std::size_t>(shift) * kSubBuckets + static_cast<std::size_t>(value >> shift);
}

// Middle of the integers that share the bucket.
double midpoint(std::size_t bucket) {
  if (bucket < kSubBuckets) return static_cast<double>(bucket);
  const std::size_t shift = bucket / kSubBuckets - 1;
  const double width = std::ldexp(1.0, static_cast<int>(shift));
  return static_cast<double>(bucket - shift * kSubBuckets) * width + (width - 1) / 2;
}

}  // namespace

void Histogram::find_bucket(std::int64_t value) {
  EPH_ASSERT(value >= 0, "histogram of a negative value: {}", value);
  recent_ = bucket_of(value);
  if (recent_ >= buckets_.size()) buckets_.resize(recent_ + 1);
  const int shift = forgotten_bits(value);
  recent_width_ = std::uint64_t{1} << shift;
  recent_from_ = value >> shift << shift;
}

void Histogram::add_each(std::span<const std::int64_t> values, std::uint64_t count) {
  if (count == 0) return;
  Wide sum = 0;
  std::int64_t low = min_, high = max_;
  std::uint64_t here = 0;  // in the recent bucket
  for (const std::int64_t value : values) {
    if (static_cast<std::uint64_t>(value - recent_from_) >= recent_width_) {
      if (here > 0) buckets_[recent_] += here * count;
      here = 0;
      find_bucket(value);
    }
    ++here;
    low = std::min(low, value);
    high = std::max(high, value);
    sum += value;
  }
  if (here > 0) buckets_[recent_] += here * count;
  min_ = low;
  max_ = high;
  count_ += count * values.size();
  sum_ += sum * static_cast<Wide>(count);
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  if (other.buckets_.size() > buckets_.size()) buckets_.resize(other.buckets_.size());
  for (std::size_t i = 0; i < other.buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  count_ += other.count_;
  sum_ += other.sum_;
}

double Histogram::mean() const { return count_ == 0 ? 0 : sum() / static_cast<double>(count_); }
std::int64_t Histogram::max() const { return max_; }

double Histogram::quantile(double p) const {
  EPH_ASSERT(p >= 0 && p <= 1, "quantile at {}", p);
  if (count_ == 0) return 0;
  // Rounding can lift p * count just above a whole number (0.07 * 100): that must not cost a rank.
  const double exact = p * static_cast<double>(count_);
  const auto rank = static_cast<std::uint64_t>(std::ceil(exact - exact * 1e-12));
  if (rank <= 1) return static_cast<double>(min_);
  if (rank >= count_) return static_cast<double>(max_);
  std::uint64_t seen = 0;
  std::size_t bucket = 0;
  while ((seen += buckets_[bucket]) < rank) ++bucket;
  return std::clamp(midpoint(bucket), static_cast<double>(min_), static_cast<double>(max_));
}

std::uint64_t Histogram::count_at_most(std::int64_t limit) const {
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    if (midpoint(i) > static_cast<double>(limit)) break;
    seen += buckets_[i];
  }
  return seen;
}

}  // namespace eph
