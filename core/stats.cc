#include "core/stats.h"

#include <algorithm>
#include <cmath>

#include "core/assert.h"

namespace eph {

double quantile_sorted(std::span<const double> sorted, double p) {
  EPH_ASSERT(!sorted.empty(), "quantile of no values");
  EPH_ASSERT(p >= 0 && p <= 1, "quantile at {}", p);
  const double position = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  if (below + 1 >= sorted.size()) return sorted.back();
  const double part = position - static_cast<double>(below);
  return sorted[below] + part * (sorted[below + 1] - sorted[below]);
}

double mean(std::span<const double> values) {
  if (values.empty()) return 0;
  double sum = 0;
  for (double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double variance(std::span<const double> values) {
  if (values.size() < 2) return 0;
  const double centre = mean(values);
  double sum = 0;
  for (double value : values) sum += (value - centre) * (value - centre);
  return sum / static_cast<double>(values.size() - 1);
}

ErrorSummary summarise_errors(std::span<const double> predicted, std::span<const double> measured) {
  EPH_ASSERT(predicted.size() == measured.size(), "{} predictions of {} values", predicted.size(),
             measured.size());
  ErrorSummary summary;
  summary.n = predicted.size();
  if (predicted.empty()) return summary;
  std::vector<double> percent(predicted.size());
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    EPH_ASSERT(measured[i] != 0, "relative error against a measured zero, row {}", i);
    percent[i] = 100 * (predicted[i] / measured[i] - 1);
  }
  summary.bias = mean(percent);
  for (double& value : percent) value = std::abs(value);
  std::sort(percent.begin(), percent.end());
  summary.mape = mean(percent);
  summary.median = quantile_sorted(percent, 0.5);
  summary.p90 = quantile_sorted(percent, 0.9);
  return summary;
}

}  // namespace eph
