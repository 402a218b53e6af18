#include "core/histogram.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/assert.h"
#include "core/rng.h"

using eph::Histogram;

namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

// Values spread evenly over the magnitudes 1 .. 2^62.
std::vector<std::int64_t> spread_values(std::uint64_t seed, std::size_t n) {
  eph::Stream stream({.seed = seed, .purpose = eph::Purpose::test});
  std::vector<std::int64_t> values(n);
  for (auto& value : values)
    value = static_cast<std::int64_t>(stream.next() >> (1 + stream.below(62)));
  return values;
}

Histogram histogram_of(const std::vector<std::int64_t>& values) {
  Histogram histogram;
  for (std::int64_t value : values) histogram.add(value);
  return histogram;
}

void check_equal(const Histogram& a, const Histogram& b) {
  CHECK(a.count() == b.count());
  CHECK(a.sum() == b.sum());
  CHECK(a.min() == b.min());
  CHECK(a.max() == b.max());
  for (int i = 0; i <= 1000; ++i) CHECK(a.quantile(i / 1000.0) == b.quantile(i / 1000.0));
}

}  // namespace

TEST_CASE("an empty histogram is all zeros") {
  const Histogram empty;
  CHECK(empty.count() == 0);
  CHECK(empty.sum() == 0);
  CHECK(empty.mean() == 0);
  CHECK(empty.min() == 0);
  CHECK(empty.max() == 0);
  CHECK(empty.quantile(0.5) == 0);
  CHECK(empty.count_at_most(kLargest) == 0);
}

TEST_CASE("values below 256 are exact") {
  Histogram histogram;
  for (std::int64_t value = 0; value < 256; ++value) histogram.add(value);
  for (int rank = 1; rank <= 256; ++rank) CHECK(histogram.quantile(rank / 256.0) == rank - 1);
  for (std::int64_t value = 0; value < 256; ++value) {
    CHECK(histogram.count_at_most(value) == static_cast<std::uint64_t>(value) + 1);
  }
  CHECK(histogram.mean() == 127.5);
}

TEST_CASE("the nearest rank of p = 0.07 among 100 is 7 although 0.07 * 100 rounds above 7") {
  Histogram histogram;
  for (std::int64_t value = 1; value <= 100; ++value) histogram.add(value);
  for (int rank = 1; rank <= 100; ++rank) CHECK(histogram.quantile(rank / 100.0) == rank);
}

TEST_CASE("the ends of the quantile scale are the exact extremes") {
  Histogram histogram;
  histogram.add(1000001);
  histogram.add(2000003);
  histogram.add(9000007);
  CHECK(histogram.quantile(0) == 1000001);
  CHECK(histogram.quantile(1) == 9000007);
  CHECK(histogram.min() == 1000001);
  CHECK(histogram.max() == 9000007);
}

TEST_CASE("every quantile is within 1/512 of the true sample value") {
  const std::uint64_t seed = GENERATE(range(1, 6));
  CAPTURE(seed);
  auto values = spread_values(seed, 5000);
  const Histogram histogram = histogram_of(values);
  std::sort(values.begin(), values.end());
  double worst = 0;
  for (std::size_t rank = 1; rank <= values.size(); ++rank) {
    const auto truth = static_cast<double>(values[rank - 1]);
    const double found = histogram.quantile(static_cast<double>(rank) / 5000.0);
    worst = std::max(worst, std::abs(found - truth) / std::max(truth, 1.0));
  }
  CHECK(worst <= 1.0 / 512);
  CHECK(worst > 0);  // the values do leave the exact range
}

TEST_CASE("merging histograms equals the histogram of all values") {
  const std::uint64_t seed = GENERATE(range(1, 6));
  CAPTURE(seed);
  const auto first = spread_values(seed, 300);
  const auto second = spread_values(seed + 100, 700);
  auto all = first;
  all.insert(all.end(), second.begin(), second.end());
  Histogram forward = histogram_of(first);
  forward.merge(histogram_of(second));
  Histogram backward = histogram_of(second);
  backward.merge(histogram_of(first));
  check_equal(forward, histogram_of(all));
  check_equal(backward, histogram_of(all));
}

TEST_CASE("merging with an empty histogram changes nothing") {
  const Histogram some = histogram_of({5, 600, 70000});
  Histogram left = some;
  left.merge(Histogram());
  check_equal(left, some);
  Histogram right;
  right.merge(some);
  check_equal(right, some);
}

TEST_CASE("adding a count equals adding one by one") {
  Histogram at_once;
  at_once.add(12345, 1000);
  at_once.add(7, 0);
  Histogram singly;
  for (int i = 0; i < 1000; ++i) singly.add(12345);
  check_equal(at_once, singly);
  CHECK(at_once.min() == 12345);
}

TEST_CASE("the sum is exact where doubles are not") {
  // 2^53 + 1 is no double; two of them sum to 2^54 + 2, which is one.
  Histogram histogram;
  histogram.add((std::int64_t{1} << 53) + 1, 2);
  CHECK(histogram.sum() == 0x1p54 + 2);
}

TEST_CASE("the largest value fits and a negative one is our own bug") {
  Histogram histogram;
  histogram.add(kLargest, 3);
  CHECK(histogram.max() == kLargest);
  CHECK(histogram.quantile(0.5) == static_cast<double>(kLargest));
  CHECK(histogram.count_at_most(kLargest) == 3);
  CHECK(histogram.sum() == 3.0 * static_cast<double>(kLargest));
  CHECK_THROWS_AS(histogram.add(-1), eph::InternalError);
}

TEST_CASE("count_at_most counts whole buckets by their midpoint") {
  // 1000 shares its bucket with 1001 (width 2 from 512 to 1023): midpoint 1000.5.
  Histogram histogram;
  histogram.add(1000);
  CHECK(histogram.count_at_most(1000) == 0);
  CHECK(histogram.count_at_most(1001) == 1);
}
