#pragma once
// Token counts of synthetic requests: fixed, uniform, lognormal or given by quantiles.
#include <cstdint>
#include <variant>
#include <vector>

#include "core/distributions.h"
#include "core/result.h"
#include "core/rng.h"

namespace eph::workload {

struct FixedLength {
  std::int32_t tokens = 1;
};
struct UniformLength {  // every whole number of low..high alike
  std::int32_t low = 1;
  std::int32_t high = 1;
};
struct LognormalLength {  // exp(mu + sigma * normal), rounded; values outside min..max are moved to
                          // the border
  double mu = 0;
  double sigma = 0;
  std::int32_t min = 1;
  std::int32_t max = 1'000'000'000;
};
struct EmpiricalLength {  // quantile knots at evenly spaced probabilities, linear between, rounded
  EmpiricalQuantiles quantiles{{1.0}};
};
using Length = std::variant<FixedLength, UniformLength, LognormalLength, EmpiricalLength>;

// Makers that check their arguments (kind usage).
[[nodiscard]] Result<Length> lognormal_by_mean(double mean, double sigma);
[[nodiscard]] Result<Length> lognormal_by_median(double median, double sigma);
[[nodiscard]] Result<Length> lognormal_by_p50_p95(double p50, double p95);
// floor(low * nominal)..floor(high * nominal), as vLLM's random data set draws it.
[[nodiscard]] Result<Length> uniform_around(std::int32_t nominal, double low, double high);

// An error names the first field out of range (tokens >= 1, low <= high, sigma >= 0).
[[nodiscard]] Result<void> check(const Length& length);
// 1..kMaxTokens; draws a fixed number of words for each kind.
[[nodiscard]] std::int32_t draw(const Length& length, Stream& stream);

struct LengthPair {
  Length prompt = FixedLength{};
  Length output = FixedLength{};
};

}  // namespace eph::workload
