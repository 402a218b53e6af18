#pragma once
// Intervals from held-out errors.
#include <string>
#include <vector>

namespace eph::calibration {

// Half-width of the central 90 % of the absolute values over 1.645: the sd of a normal distribution
// of logarithms whose 90 % interval holds 90 % of them. 0 when empty.
[[nodiscard]] double interval_sd(std::vector<double> log_ratios);

// Share of the ratios inside the 90 % interval whose width the other groups' ratios set; -1 with
// fewer than two groups.
[[nodiscard]] double interval_coverage(const std::vector<double>& log_ratios,
                                       const std::vector<std::string>& groups);

}  // namespace eph::calibration
