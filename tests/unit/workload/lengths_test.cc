#include "workload/lengths.h"

#include <catch2/catch.hpp>
#include <cmath>

namespace eph::workload {
namespace {

double mean_of(const Length& length, int n) {
  Stream stream({.seed = 5, .purpose = Purpose::test});
  double sum = 0;
  for (int i = 0; i < n; ++i) sum += draw(length, stream);
  return sum / n;
}

}  // namespace

TEST_CASE("uniform lengths cover their range and no more") {
  const Result<Length> length = uniform_around(1000, 0.8, 1.0);
  REQUIRE(length);
  Stream stream({.seed = 1});
  std::int32_t low = 1 << 30;
  std::int32_t high = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::int32_t x = draw(*length, stream);
    low = std::min(low, x);
    high = std::max(high, x);
  }
  CHECK(low == 800);
  CHECK(high == 1000);
  CHECK(mean_of(*length, 20000) == Approx(900).epsilon(0.005));
}

TEST_CASE("lognormal lengths hit the mean or the percentiles they were made from") {
  CHECK(mean_of(*lognormal_by_mean(500, 0.8), 200000) == Approx(500).epsilon(0.02));
  const Result<Length> length = lognormal_by_p50_p95(200, 1000);
  REQUIRE(length);
  Stream stream({.seed = 3});
  int below_median = 0;
  int below_p95 = 0;
  constexpr int kN = 100000;
  for (int i = 0; i < kN; ++i) {
    const std::int32_t x = draw(*length, stream);
    below_median += x <= 200 ? 1 : 0;
    below_p95 += x <= 1000 ? 1 : 0;
  }
  // Standard error of the shares: 0.0016 and 0.0007; the rounding of 200 adds less than 0.001.
  CHECK(below_median / double(kN) == Approx(0.5).margin(0.007));
  CHECK(below_p95 / double(kN) == Approx(0.95).margin(0.003));
}

TEST_CASE("empirical lengths interpolate between their quantiles") {
  const Length length = EmpiricalLength{EmpiricalQuantiles({10, 20, 110})};
  // Half of the mass uniform on 10..20, half on 20..110: mean 0.5 * 15 + 0.5 * 65 = 40.
  CHECK(mean_of(length, 100000) == Approx(40).epsilon(0.01));
}

TEST_CASE("lengths out of range are refused with the value") {
  CHECK(lognormal_by_mean(0, 1).error().text() ==
        "mean of lognormal lengths is 0; give at least 1 token");
  CHECK(lognormal_by_p50_p95(100, 90).error().text() ==
        "p95 of lognormal lengths is 90; give at least p50 = 100");
  CHECK(uniform_around(100, 1.2, 1.0).error().text() ==
        "upper length factor is 1; give at least 1.2");
  CHECK(check(FixedLength{0}).error().text() == "fixed length is 0; give 1 to 1000000000 tokens");
  CHECK(check(UniformLength{5, 4}).error().text() ==
        "upper end of uniform lengths is 4; give 5 to 1000000000 tokens");
}

}  // namespace eph::workload
