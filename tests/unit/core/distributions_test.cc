#include "core/distributions.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>

#include "core/assert.h"
#include "core/stats.h"

using Catch::WithinAbs;
using Catch::WithinRel;
using eph::Purpose;
using eph::Stream;

namespace {

Stream stream_of(std::uint64_t seed) { return Stream({.seed = seed, .purpose = Purpose::test}); }

std::vector<double> sample(std::size_t n, std::uint64_t seed,
                           const std::function<double(Stream&)>& draw) {
  Stream stream = stream_of(seed);
  std::vector<double> values(n);
  for (double& value : values) value = draw(stream);
  return values;
}

// Kolmogorov-Smirnov distance between the sample and a continuous distribution function.
double ks_distance(std::vector<double> values, const std::function<double(double)>& cdf) {
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  double distance = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double f = cdf(values[i]);
    distance =
        std::max({distance, f - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - f});
  }
  return distance;
}

constexpr std::size_t kDraws = 40000;
// A correct generator exceeds this with probability 0.001 (asymptotic KS quantile 1.95).
const double kKsLimit = 1.95 / std::sqrt(static_cast<double>(kDraws));

// The sample mean within 4 standard errors of the true one (probability of a miss 6e-5); the sample
// variance within 4 of its own, whose size needs the excess kurtosis.
void check_moments(const std::vector<double>& values, double mean, double variance,
                   double excess_kurtosis) {
  const auto n = static_cast<double>(values.size());
  CHECK_THAT(eph::mean(values), WithinAbs(mean, 4 * std::sqrt(variance / n)));
  CHECK_THAT(eph::variance(values),
             WithinAbs(variance, 4 * variance * std::sqrt((2 + excess_kurtosis) / n)));
}

}  // namespace

TEST_CASE("the normal quantile matches published values") {
  // Python 3.11 statistics.NormalDist().inv_cdf, an independent transcription of AS 241.
  CHECK(eph::normal_quantile(0.5) == 0.0);
  CHECK_THAT(eph::normal_quantile(0.975), WithinRel(1.9599639845400536, 1e-15));
  CHECK_THAT(eph::normal_quantile(0.9), WithinRel(1.2815515655446008, 1e-15));
  CHECK_THAT(eph::normal_quantile(0.075), WithinRel(-1.4395314709384557, 1e-15));
  CHECK_THAT(eph::normal_quantile(0.001), WithinRel(-3.090232306167813, 1e-15));
  CHECK_THAT(eph::normal_quantile(1e-20), WithinRel(-9.262340089798405, 1e-15));
  CHECK_THAT(eph::normal_quantile(1e-300), WithinRel(-37.0470962993612, 1e-14));
}

TEST_CASE("the normal CDF inverts the quantile") {
  for (int i = 1; i < 1000; ++i) {
    const double p = i / 1000.0;
    CHECK_THAT(eph::normal_cdf(eph::normal_quantile(p)), WithinRel(p, 1e-14));
  }
  CHECK_THROWS_AS(eph::normal_quantile(0.0), eph::InternalError);
  CHECK_THROWS_AS(eph::normal_quantile(1.0), eph::InternalError);
}

TEST_CASE("pinned draws: the numbers of a seed never change") {
  // Seed 1, run 0, Purpose::test, entity 0: computed apart from this code from the definitions.
  Stream exponential = stream_of(1);
  CHECK_THAT(eph::draw_exponential(exponential, 2), WithinRel(2.4881031325880216, 1e-14));
  CHECK_THAT(eph::draw_exponential(exponential, 2), WithinRel(1.3491672780408703, 1e-14));
  Stream normal = stream_of(1);
  CHECK_THAT(eph::draw_normal(normal), WithinRel(-0.5586094912338541, 1e-14));
  CHECK_THAT(eph::draw_normal(normal), WithinRel(0.023485399512651176, 1e-13));
  Stream lognormal = stream_of(1);
  CHECK_THAT(eph::draw_lognormal(lognormal, 1, 0.5), WithinRel(2.0558620609879945, 1e-14));
  Stream gamma = stream_of(1);
  CHECK_THAT(eph::draw_gamma(gamma, 2.5, 2), WithinRel(2.8880892986364897, 1e-13));
  CHECK_THAT(eph::draw_gamma(gamma, 2.5, 2), WithinRel(2.4560969116991904, 1e-13));
  Stream small_gamma = stream_of(1);
  CHECK_THAT(eph::draw_gamma(small_gamma, 0.5, 1), WithinRel(0.09903443965585831, 1e-13));
  CHECK_THAT(eph::draw_gamma(small_gamma, 0.5, 1), WithinRel(0.02694674689613881, 1e-13));
}

TEST_CASE("exponential draws have the exponential distribution") {
  const auto values = sample(kDraws, 11, [](Stream& s) { return eph::draw_exponential(s, 2.5); });
  check_moments(values, 2.5, 6.25, 6);
  CHECK(ks_distance(values, [](double x) { return 1 - std::exp(-x / 2.5); }) < kKsLimit);
}

TEST_CASE("normal draws have the normal distribution") {
  const auto values = sample(kDraws, 12, [](Stream& s) { return eph::draw_normal(s); });
  check_moments(values, 0, 1, 0);
  CHECK(ks_distance(values, eph::normal_cdf) < kKsLimit);
}

TEST_CASE("lognormal draws have normal logarithms") {
  const auto values = sample(kDraws, 13, [](Stream& s) { return eph::draw_lognormal(s, 5, 0.8); });
  CHECK(ks_distance(values, [](double x) { return eph::normal_cdf((std::log(x) - 5) / 0.8); }) <
        kKsLimit);
}

TEST_CASE("gamma draws have the gamma mean and variance on both sides of shape 1") {
  const double shape = GENERATE(0.2, 0.5, 0.99, 1.0, 2.5, 30.0);
  CAPTURE(shape);
  const auto values = sample(kDraws, 14, [&](Stream& s) { return eph::draw_gamma(s, shape, 3); });
  check_moments(values, 3 * shape, 9 * shape, 6 / shape);
}

TEST_CASE("gamma draws follow the CDF where it has a closed form") {
  // Shape 1: exponential. Shape 1/2: half the square of a normal, erf(sqrt x). Shape 2: Erlang.
  const auto one = sample(kDraws, 15, [](Stream& s) { return eph::draw_gamma(s, 1, 1); });
  CHECK(ks_distance(one, [](double x) { return 1 - std::exp(-x); }) < kKsLimit);
  const auto half = sample(kDraws, 16, [](Stream& s) { return eph::draw_gamma(s, 0.5, 1); });
  CHECK(ks_distance(half, [](double x) { return std::erf(std::sqrt(x)); }) < kKsLimit);
  const auto two = sample(kDraws, 17, [](Stream& s) { return eph::draw_gamma(s, 2, 1); });
  CHECK(ks_distance(two, [](double x) { return 1 - std::exp(-x) * (1 + x); }) < kKsLimit);
}

TEST_CASE("integer draws cover their range evenly, ends included") {
  Stream stream = stream_of(18);
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) {
    const std::int64_t value = eph::draw_integer(stream, -3, 3);
    REQUIRE(value >= -3);
    REQUIRE(value <= 3);
    ++counts[static_cast<std::size_t>(value + 3)];
  }
  // Chi-square with 6 degrees of freedom: 22.5 is exceeded with probability 0.001.
  double chi_square = 0;
  for (int count : counts) chi_square += (count - 10000.0) * (count - 10000.0) / 10000.0;
  CHECK(chi_square < 22.5);
}

TEST_CASE("integer draws work at the ends of the type") {
  constexpr auto kLow = std::numeric_limits<std::int64_t>::min();
  constexpr auto kHigh = std::numeric_limits<std::int64_t>::max();
  Stream stream = stream_of(19);
  CHECK(eph::draw_integer(stream, 5, 5) == 5);
  CHECK(eph::draw_integer(stream, kHigh, kHigh) == kHigh);
  int negative = 0;
  for (int i = 0; i < 1000; ++i) negative += eph::draw_integer(stream, kLow, kHigh) < 0 ? 1 : 0;
  CHECK(negative > 400);  // 500 expected, standard deviation 16
  CHECK(negative < 600);
  CHECK_THROWS_AS(eph::draw_integer(stream, 2, 1), eph::InternalError);
}

TEST_CASE("empirical quantiles are linear between the knots") {
  // System: knots 0, 10, 100 at probabilities 0, 1/2, 1.
  // Expectations: at(1/4) = 5; at(3/4) = 55; mean = (5 + 55) / 2 = 30.
  const eph::EmpiricalQuantiles quantiles({0, 10, 100});
  CHECK(quantiles.at(0) == 0);
  CHECK(quantiles.at(0.25) == 5);
  CHECK(quantiles.at(0.5) == 10);
  CHECK(quantiles.at(0.75) == 55);
  CHECK(quantiles.at(1) == 100);
  CHECK(quantiles.mean() == 30);
}

TEST_CASE("one knot is a constant and knots out of order are refused") {
  const eph::EmpiricalQuantiles constant({7});
  CHECK(constant.at(0) == 7);
  CHECK(constant.at(1) == 7);
  CHECK(constant.mean() == 7);
  CHECK_THROWS_AS(eph::EmpiricalQuantiles({2, 1}), eph::InternalError);
  CHECK_THROWS_AS(eph::EmpiricalQuantiles({}), eph::InternalError);
}
