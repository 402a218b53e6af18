#include "core/distributions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "core/assert.h"

namespace eph {

namespace {

using Coefficients = std::array<double, 8>;

// Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics
// 37 (1988), routine PPND16: rational functions for the centre, the shoulder and the tail.
constexpr Coefficients kCentreTop = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                                     1.9715909503065514427e+3, 1.3731693765509461125e+4,
                                     4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                     3.3430575583588128105e+4, 2.5090809287301226727e+3};
constexpr Coefficients kCentreBottom = {1.0,
                                        4.2313330701600911252e+1,
                                        6.8718700749205790830e+2,
                                        5.3941960214247511077e+3,
                                        2.1213794301586595867e+4,
                                        3.9307895800092710610e+4,
                                        2.8729085735721942674e+4,
                                        5.2264952788528545610e+3};
constexpr Coefficients kShoulderTop = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                       5.76949722146069140550e0,  3.64784832476320460504e0,
                                       1.27045825245236838258e0,  2.41780725177450611770e-1,
                                       2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr Coefficients kShoulderBottom = {1.0,
                                          2.05319162663775882187e0,
                                          1.67638483018380384940e0,
                                          6.89767334985100004550e-1,
                                          1.48103976427480074590e-1,
                                          1.51986665636164571966e-2,
                                          5.47593808499534494600e-4,
                                          1.05075007164441684324e-9};
constexpr Coefficients kTailTop = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                   1.78482653991729133580e0,  2.96560571828504891230e-1,
                                   2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                   2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr Coefficients kTailBottom = {1.0,
                                      5.99832206555887937690e-1,
                                      1.36929880922735805310e-1,
                                      1.48753612908506148525e-2,
                                      7.86869131145613259100e-4,
                                      1.84631831751005468180e-5,
                                      1.42151175831644588870e-7,
                                      2.04426310338993978564e-15};

double polynomial(const Coefficients& c, double x) {
  double sum = c[7];
  for (std::size_t i = 7; i-- > 0;) sum = sum * x + c[i];
  return sum;
}

}  // namespace

double normal_quantile(double p) {
  EPH_ASSERT(p > 0 && p < 1, "normal_quantile({})", p);
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * polynomial(kCentreTop, r) / polynomial(kCentreBottom, r);
  }
  double r = std::sqrt(-std::log(q < 0 ? p : 1 - p));
  if (r <= 5) {
    r -= 1.6;
    r = polynomial(kShoulderTop, r) / polynomial(kShoulderBottom, r);
  } else {
    r -= 5;
    r = polynomial(kTailTop, r) / polynomial(kTailBottom, r);
  }
  return q < 0 ? -r : r;
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

double draw_exponential(Stream& stream, double mean) {
  EPH_ASSERT(mean >= 0, "exponential of mean {}", mean);
  return -mean * std::log(stream.unit_open());
}

double draw_normal(Stream& stream) { return normal_quantile(stream.unit_open()); }

double draw_gamma(Stream& stream, double shape, double scale) {
  EPH_ASSERT(shape > 0 && scale > 0, "gamma of shape {}, scale {}", shape, scale);
  // Below shape 1 the method does not apply: gamma(a) = gamma(a + 1) * U^(1/a) (their section 6).
  if (shape < 1) {
    const double lift = std::pow(stream.unit_open(), 1 / shape);
    return lift * draw_gamma(stream, shape + 1, scale);
  }
  const double d = shape - 1.0 / 3.0;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = draw_normal(stream);
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    const double u = stream.unit_open();
    const double x2 = x * x;
    // The first test is a cheap bound of the second and spares most logarithms.
    if (u < 1 - 0.0331 * x2 * x2) return d * v * scale;
    if (std::log(u) < 0.5 * x2 + d * (1 - v + std::log(v))) return d * v * scale;
  }
}

double draw_lognormal(Stream& stream, double mu, double sigma) {
  return std::exp(mu + sigma * draw_normal(stream));
}

std::int64_t draw_integer(Stream& stream, std::int64_t low, std::int64_t high) {
  EPH_ASSERT(low <= high, "integer in {}..{}", low, high);
  const auto base = static_cast<std::uint64_t>(low);
  const std::uint64_t values = static_cast<std::uint64_t>(high) - base + 1;
  const std::uint64_t offset = values == 0 ? stream.next() : stream.below(values);  // 0: all 2^64
  return static_cast<std::int64_t>(base + offset);
}

EmpiricalQuantiles::EmpiricalQuantiles(std::vector<double> knots) : knots_(std::move(knots)) {
  EPH_ASSERT(!knots_.empty(), "a distribution without knots");
  EPH_ASSERT(std::is_sorted(knots_.begin(), knots_.end()), "{} knots out of order", knots_.size());
}

double EmpiricalQuantiles::at(double p) const {
  EPH_ASSERT(p >= 0 && p <= 1, "quantile at {}", p);
  const double position = p * static_cast<double>(knots_.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  if (below + 1 >= knots_.size()) return knots_.back();
  return knots_[below] +
         (position - static_cast<double>(below)) * (knots_[below + 1] - knots_[below]);
}

// Linear between the knots, so the integral of the quantile function is the trapezoid rule.
double EmpiricalQuantiles::mean() const {
  if (knots_.size() == 1) return knots_.front();
  double sum = (knots_.front() + knots_.back()) / 2;
  for (std::size_t i = 1; i + 1 < knots_.size(); ++i) sum += knots_[i];
  return sum / static_cast<double>(knots_.size() - 1);
}

}  // namespace eph
