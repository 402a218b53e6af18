#include "workload/lengths.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "workload/arrival.h"

namespace eph::workload {
namespace {

constexpr double kP95Normal = 1.6448536269514722;  // standard normal quantile of 0.95

std::int32_t rounded(double tokens, std::int32_t min, std::int32_t max) {
  const double bounded = std::clamp(tokens, static_cast<double>(min), static_cast<double>(max));
  return static_cast<std::int32_t>(std::lround(bounded));
}

Error bad(std::string_view what, double value, std::string_view remedy) {
  return usage_error(fmt::format("{} is {}", what, number(value)), std::string(remedy));
}

Result<Length> lognormal(double mu, double sigma) {
  return Length(LognormalLength{.mu = mu, .sigma = sigma, .min = 1, .max = kMaxTokens});
}

struct Checker {
  Result<void> operator()(const FixedLength& l) const {
    if (l.tokens < 1 || l.tokens > kMaxTokens)
      return bad("fixed length", l.tokens, "give 1 to 1000000000 tokens");
    return {};
  }
  Result<void> operator()(const UniformLength& l) const {
    if (l.low < 1) return bad("lower end of uniform lengths", l.low, "give at least 1 token");
    if (l.high < l.low || l.high > kMaxTokens)
      return bad("upper end of uniform lengths", l.high,
                 fmt::format("give {} to 1000000000 tokens", l.low));
    return {};
  }
  Result<void> operator()(const LognormalLength& l) const {
    if (!(l.sigma >= 0) || !std::isfinite(l.sigma))
      return bad("sigma of lognormal lengths", l.sigma, "give a number of at least 0");
    if (!std::isfinite(l.mu)) return bad("mu of lognormal lengths", l.mu, "give a finite number");
    if (l.min < 1 || l.max < l.min || l.max > kMaxTokens)
      return bad("lower bound of lognormal lengths", l.min, "give 1 <= min <= max <= 1000000000");
    return {};
  }
  Result<void> operator()(const EmpiricalLength& l) const {
    const std::vector<double>& knots = l.quantiles.knots();
    if (knots.front() < 1)
      return bad("lowest length quantile", knots.front(), "give at least 1 token");
    if (knots.back() > kMaxTokens)
      return bad("highest length quantile", knots.back(), "give at most 1000000000 tokens");
    return {};
  }
};

struct Drawer {
  Stream& stream;
  std::int32_t operator()(const FixedLength& l) const { return l.tokens; }
  std::int32_t operator()(const UniformLength& l) const {
    return static_cast<std::int32_t>(draw_integer(stream, l.low, l.high));
  }
  std::int32_t operator()(const LognormalLength& l) const {
    return rounded(draw_lognormal(stream, l.mu, l.sigma), l.min, l.max);
  }
  std::int32_t operator()(const EmpiricalLength& l) const {
    return rounded(l.quantiles.at(stream.unit()), 1, kMaxTokens);
  }
};

}  // namespace

Result<Length> lognormal_by_mean(double mean, double sigma) {
  if (!(mean >= 1)) return bad("mean of lognormal lengths", mean, "give at least 1 token");
  if (!(sigma >= 0)) return bad("sigma of lognormal lengths", sigma, "give a number of at least 0");
  return lognormal(std::log(mean) - sigma * sigma / 2, sigma);
}

Result<Length> lognormal_by_median(double median, double sigma) {
  if (!(median >= 1)) return bad("median of lognormal lengths", median, "give at least 1 token");
  if (!(sigma >= 0)) return bad("sigma of lognormal lengths", sigma, "give a number of at least 0");
  return lognormal(std::log(median), sigma);
}

Result<Length> lognormal_by_p50_p95(double p50, double p95) {
  if (!(p50 >= 1)) return bad("p50 of lognormal lengths", p50, "give at least 1 token");
  if (!(p95 >= p50))
    return bad("p95 of lognormal lengths", p95, fmt::format("give at least p50 = {}", number(p50)));
  return lognormal(std::log(p50), std::log(p95 / p50) / kP95Normal);
}

Result<Length> uniform_around(std::int32_t nominal, double low, double high) {
  if (nominal < 1) return bad("nominal length", nominal, "give at least 1 token");
  if (!(low > 0)) return bad("lower length factor", low, "give a number above 0");
  if (!(high >= low))
    return bad("upper length factor", high, fmt::format("give at least {}", number(low)));
  const double top = std::floor(nominal * high);
  if (!(top <= kMaxTokens)) return bad("upper length", top, "give at most 1000000000 tokens");
  const UniformLength range{
      .low = std::max(1, static_cast<std::int32_t>(std::floor(nominal * low))),
      .high = std::max(1, static_cast<std::int32_t>(top))};
  return Length(range);
}

Result<void> check(const Length& length) { return std::visit(Checker{}, length); }

std::int32_t draw(const Length& length, Stream& stream) {
  return std::visit(Drawer{stream}, length);
}

}  // namespace eph::workload
