#include "core/stats.h"

#include <catch2/catch.hpp>

#include "core/assert.h"

using Catch::WithinRel;

TEST_CASE("quantiles interpolate linearly between order statistics") {
  // numpy.quantile([1, 2, 4, 8], p): position p * 3.
  const std::vector<double> sorted{1, 2, 4, 8};
  CHECK(eph::quantile_sorted(sorted, 0) == 1);
  CHECK(eph::quantile_sorted(sorted, 0.5) == 3);
  CHECK_THAT(eph::quantile_sorted(sorted, 0.9), WithinRel(6.8, 1e-14));
  CHECK(eph::quantile_sorted(sorted, 1) == 8);
  CHECK(eph::quantile_sorted(std::vector<double>{7}, 0.3) == 7);
  CHECK_THROWS_AS(eph::quantile_sorted({}, 0.5), eph::InternalError);
  CHECK_THROWS_AS(eph::quantile_sorted(sorted, 1.5), eph::InternalError);
}

TEST_CASE("mean and sample variance of small samples") {
  CHECK(eph::mean({}) == 0);
  CHECK(eph::variance({}) == 0);
  const std::vector<double> values{2, 4, 4, 4, 5, 5, 7, 9};
  CHECK(eph::mean(values) == 5);
  CHECK_THAT(eph::variance(values), WithinRel(32.0 / 7.0, 1e-15));
  CHECK(eph::variance(std::vector<double>{3}) == 0);
}

TEST_CASE("the error summary is of relative errors in percent") {
  // Errors: +10 %, -20 %, +5 %, 0 %. Mean of absolutes 8.75, of signed -1.25; sorted absolutes
  // 0, 5, 10, 20: median 7.5, 90th percentile 10 + 0.7 * 10 = 17.
  const std::vector<double> predicted{110, 80, 105, 200};
  const std::vector<double> measured{100, 100, 100, 200};
  const auto summary = eph::summarise_errors(predicted, measured);
  CHECK(summary.n == 4);
  CHECK_THAT(summary.mape, WithinRel(8.75, 1e-12));
  CHECK_THAT(summary.median, WithinRel(7.5, 1e-12));
  CHECK_THAT(summary.p90, WithinRel(17.0, 1e-12));
  CHECK_THAT(summary.bias, WithinRel(-1.25, 1e-12));
}

TEST_CASE("an empty error summary is zero and a measured zero is our own bug") {
  const auto summary = eph::summarise_errors({}, {});
  CHECK(summary.n == 0);
  CHECK(summary.mape == 0);
  const std::vector<double> one{1};
  const std::vector<double> zero{0};
  CHECK_THROWS_AS(eph::summarise_errors(one, zero), eph::InternalError);
  CHECK_THROWS_AS(eph::summarise_errors(one, {}), eph::InternalError);
}
