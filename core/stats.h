#pragma once
// Exact sample statistics for small and medium samples.
#include <span>
#include <vector>

namespace eph {

// Linear interpolation between order statistics at p * (n - 1) (numpy's and GuideLLM's default).
// `sorted` ascending, not empty, p in [0, 1].
[[nodiscard]] double quantile_sorted(std::span<const double> sorted, double p);
[[nodiscard]] double mean(std::span<const double> values);      // 0 when empty
[[nodiscard]] double variance(std::span<const double> values);  // sample variance; 0 when n < 2

// n, mean, median and 90th percentile of |predicted / measured - 1| in percent: the error table's
// row.
struct ErrorSummary {
  std::size_t n = 0;
  double mape = 0, median = 0, p90 = 0,
         bias = 0;  // bias: mean of (predicted / measured - 1), percent
};
[[nodiscard]] ErrorSummary summarise_errors(std::span<const double> predicted,
                                            std::span<const double> measured);

}  // namespace eph
