#pragma once
// A distribution of token counts as a piecewise linear quantile function with freely placed knots.
#include <cstdint>
#include <span>
#include <vector>

namespace eph::workload {

// tokens(p) for p in [0, 1]: linear between knots, rounded. A value with a large share is a flat
// piece between two knots, so repeated values (a context limit, a canned answer) come out exactly.
struct QuantileCurve {
  std::vector<double> p;       // ascending from 0 to 1, at least two
  std::vector<double> tokens;  // ascending, >= 1

  [[nodiscard]] double at(double probability) const;          // not rounded
  [[nodiscard]] std::int32_t draw(double probability) const;  // rounded, at least 1
};

// Curve through points of the sample's own quantile function, knots added where it is farthest off
// until it is within 0.5 tokens + 1 % everywhere or has `most_knots`. `sorted` ascending, not
// empty; most_knots >= 2.
[[nodiscard]] QuantileCurve fit_curve(std::span<const std::int32_t> sorted, std::size_t most_knots);
// The same for times and shares: within `absolute` + `relative` * value.
[[nodiscard]] QuantileCurve fit_curve(std::span<const double> sorted, std::size_t most_knots,
                                      double absolute, double relative);

}  // namespace eph::workload
