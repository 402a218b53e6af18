#pragma once
// Confidence intervals over replications.
#include <span>

namespace eph::app {

struct Interval {
  double mean = 0, low = 0, high = 0;
};

// 90 % two-sided interval of the mean by Student's t, for at least two values.
[[nodiscard]] Interval mean_interval(std::span<const double> values);
// Cut where a figure from 0 to `most` cannot be.
[[nodiscard]] Interval bounded_interval(std::span<const double> values, double most);

// P(T <= t) of Student's distribution with `dof` degrees of freedom: finite series for whole dof,
// Abramowitz and Stegun 26.7.3 and 26.7.4.
[[nodiscard]] double student_cdf(double t, int dof);
[[nodiscard]] double student_quantile(double p, int dof);  // p in (0.5, 1)

}  // namespace eph::app
