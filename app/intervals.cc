#include "app/intervals.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/assert.h"
#include "core/stats.h"

namespace eph::app {

double student_cdf(double t, int dof) {
  EPH_ASSERT(dof >= 1, "{} degrees of freedom", dof);
  const double n = dof;
  const double angle = std::atan(t / std::sqrt(n));
  const double c = std::cos(angle), s = std::sin(angle);
  double term = dof % 2 == 0 ? 1 : c;
  double sum = dof == 1 ? 0 : term;
  for (int k = dof % 2 == 0 ? 2 : 3; k <= dof - 2; k += 2) {
    term *= c * c * (k - 1) / k;
    sum += term;
  }
  const double inside =  // P(|T| <= t) with the sign of t
      dof % 2 == 0 ? s * sum : 2 / std::numbers::pi * (angle + s * sum);
  return 0.5 + inside / 2;
}

double student_quantile(double p, int dof) {
  EPH_ASSERT(p > 0.5 && p < 1, "quantile at {}", p);
  double low = 0, high = 1;
  while (student_cdf(high, dof) < p) high *= 2;
  for (int i = 0; i < 80; ++i) {
    const double middle = (low + high) / 2;
    (student_cdf(middle, dof) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

Interval mean_interval(std::span<const double> values) {
  EPH_ASSERT(values.size() >= 2, "an interval from {} values", values.size());
  const double n = static_cast<double>(values.size());
  const double centre = mean(values);
  const double half =
      student_quantile(0.95, static_cast<int>(values.size()) - 1) * std::sqrt(variance(values) / n);
  return {centre, centre - half, centre + half};
}

Interval bounded_interval(std::span<const double> values, double most) {
  Interval out = mean_interval(values);
  out.low = std::max(0.0, out.low);
  out.high = std::min(most, out.high);
  return out;
}

}  // namespace eph::app
