#include "core/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/assert.h"
#include "core/vector_clones.h"

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

struct Extent {
  std::int64_t least, most, sum;
};

EPH_VECTOR_CLONES
Extent extent_of(const std::int64_t* values, std::size_t n) {
  std::int64_t least = values[0], most = values[0], sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    least = values[i] < least ? values[i] : least;
    most = values[i] > most ? values[i] : most;
    sum += values[i];
  }
  return {least, most, sum};
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
  if (count == 0 || values.empty()) return;
  const Extent extent = extent_of(values.data(), values.size());
  if (!is_recent(extent.least)) find_bucket(extent.least);
  if (is_recent(extent.most)) {
    buckets_[recent_] += values.size() * count;
  } else {
    for (const std::int64_t value : values) {
      if (!is_recent(value)) find_bucket(value);
      buckets_[recent_] += count;
    }
  }
  min_ = std::min(min_, extent.least);
  max_ = std::max(max_, extent.most);
  count_ += count * values.size();
  sum_ += static_cast<Wide>(extent.sum) * static_cast<Wide>(count);
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
