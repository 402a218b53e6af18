#pragma once
// Own random variates, so that results do not depend on the standard library's algorithms.
#include <cstdint>
#include <vector>

#include "core/rng.h"

namespace eph {

[[nodiscard]] double draw_exponential(Stream& stream, double mean);
[[nodiscard]] double draw_normal(Stream& stream);  // standard normal, inverse CDF of one uniform
// Gamma with the given shape > 0 and scale > 0 (Marsaglia and Tsang 2000).
[[nodiscard]] double draw_gamma(Stream& stream, double shape, double scale);
// exp(mu + sigma * normal): mu and sigma are of the logarithm.
[[nodiscard]] double draw_lognormal(Stream& stream, double mu, double sigma);
// Uniform integer in low..high inclusive.
[[nodiscard]] std::int64_t draw_integer(Stream& stream, std::int64_t low, std::int64_t high);

// Inverse of the standard normal CDF (Wichura's AS 241, double precision) for p in (0, 1).
[[nodiscard]] double normal_quantile(double p);
[[nodiscard]] double normal_cdf(double x);

// Distribution given by quantiles at evenly spaced probabilities 0, 1/(n-1), ..., 1, linear
// between.
class EmpiricalQuantiles {
 public:
  // `knots` ascending, at least one.
  explicit EmpiricalQuantiles(std::vector<double> knots);
  [[nodiscard]] double at(double p) const;  // p in [0, 1]
  [[nodiscard]] double mean() const;
  [[nodiscard]] const std::vector<double>& knots() const { return knots_; }

 private:
  std::vector<double> knots_;
};

}  // namespace eph
