#include <algorithm>
#include <bit>
#include <utility>

#include "sim/latency_sample.h"

namespace eph::sim {

void LatencySample::add_each(std::span<const std::int64_t> values, std::uint64_t count) {
  EPH_ASSERT(count > 0, "{} latencies of nobody", values.size());
  if (!overflowed_) {
    EPH_ASSERT(sorted_.empty(), "a latency added after a quantile was asked for");
    const std::size_t exact = std::min<std::size_t>(values.size(), (kExactLimit - count_) / count);
    for (const std::int64_t ns : values.first(exact)) {
      EPH_ASSERT(ns >= 0, "INV-4: latency of {} ns", ns);
      sum_ns_ += static_cast<Wide>(ns) * static_cast<Wide>(count);
      max_ns_ = std::max(max_ns_, ns);
      store(ns, count);
    }
    count_ += exact * count;
    values = values.subspan(exact);
    if (values.empty()) return;
    overflow();
  }
  histogram_.add_each(values, count);
}

std::size_t LatencySample::stored() const {
  std::size_t values = large_.size();
  for (const std::vector<std::uint64_t>& chunk : chunks_) values += chunk.size();
  return values;
}

void LatencySample::add_chunk() {
  constexpr std::size_t kFirst = 64;
  constexpr std::size_t kMostChunks = 1 + std::bit_width(kExactLimit / kFirst);
  const std::size_t length = std::max(kFirst, stored());
  if (chunks_.empty()) chunks_.reserve(kMostChunks);
  chunks_.emplace_back().reserve(length);
}

void LatencySample::overflow() {
  for (const std::vector<std::uint64_t>& chunk : chunks_)
    for (const std::uint64_t w : chunk)
      histogram_.add(static_cast<std::int64_t>(w & kNs), w >> kNsBits);
  for (const Value& v : large_) histogram_.add(v.ns, v.count);
  chunks_ = {};
  large_ = {};
  overflowed_ = true;
}

double LatencySample::mean_s() const {
  if (overflowed_) return histogram_.mean() * 1e-9;
  return count_ == 0 ? 0.0 : static_cast<double>(sum_ns_) / static_cast<double>(count_) * 1e-9;
}

double LatencySample::max_s() const {
  return Duration{overflowed_ ? histogram_.max() : max_ns_}.seconds();
}

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

// By their nanoseconds; by digits where there are many, because a run may have a million.
void LatencySample::sort_words(std::vector<std::uint64_t>& words, std::int64_t most) {
  constexpr int kDigit = 11;
  constexpr std::size_t kDigits = std::size_t{1} << kDigit;
  if (words.size() < kDigits) {
    std::sort(words.begin(), words.end(),
              [](std::uint64_t a, std::uint64_t b) { return (a & kNs) < (b & kNs); });
    return;
  }
  std::vector<std::uint64_t> other(words.size());
  std::vector<std::size_t> first(kDigits);
  const auto bits = std::bit_width(std::min(static_cast<std::uint64_t>(most), kNs));
  for (int shift = 0; shift < static_cast<int>(bits); shift += kDigit) {
    const std::uint64_t mask = (kNs >> shift) & (kDigits - 1);
    std::fill(first.begin(), first.end(), 0);
    for (const std::uint64_t w : words) ++first[w >> shift & mask];
    std::size_t before = 0;
    for (std::size_t& f : first) before += std::exchange(f, before);
    for (const std::uint64_t w : words) other[first[w >> shift & mask]++] = w;
    words.swap(other);
  }
}

void LatencySample::sort() const {
  if (!sorted_.empty()) return;
  std::vector<std::uint64_t> words;
  words.reserve(stored());
  for (const std::vector<std::uint64_t>& chunk : chunks_)
    words.insert(words.end(), chunk.begin(), chunk.end());
  sort_words(words, max_ns_);
  sorted_.reserve(stored());
  for (const std::uint64_t w : words)
    sorted_.push_back({static_cast<std::int64_t>(w & kNs), w >> kNsBits});
  if (!large_.empty()) {
    sorted_.insert(sorted_.end(), large_.begin(), large_.end());
    std::sort(sorted_.begin(), sorted_.end(),
              [](const Value& a, const Value& b) { return a.ns < b.ns; });
  }
  std::uint64_t cumulated = 0;
  for (Value& v : sorted_) v.count = cumulated += v.count;
}

double LatencySample::order_statistic(std::uint64_t rank) const {
  const auto at = std::upper_bound(sorted_.begin(), sorted_.end(), rank,
                                   [](std::uint64_t r, const Value& v) { return r < v.count; });
  return static_cast<double>(at->ns);
}

}  // namespace eph::sim
