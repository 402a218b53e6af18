#include "workload/quantile_curve.h"

#include <algorithm>
#include <cmath>
#include <queue>

#include "core/assert.h"
#include "workload/arrival.h"

namespace eph::workload {
namespace {

struct Knot {
  double p, value;
};

// The sample's quantile function: value i stands at the middle of its share.
class Sample {
 public:
  explicit Sample(std::span<const double> sorted) : sorted_(sorted) {}
  // Points 0 and n + 1 are the ends.
  [[nodiscard]] std::size_t points() const { return sorted_.size() + 2; }
  [[nodiscard]] Knot point(std::size_t i) const {
    const std::size_t n = sorted_.size();
    if (i == 0) return {0, sorted_.front()};
    if (i == n + 1) return {1, sorted_.back()};
    return {(static_cast<double>(i) - 0.5) / static_cast<double>(n), sorted_[i - 1]};
  }

 private:
  std::span<const double> sorted_;
};

struct Stretch {
  double error;  // of the worst point, in units of the tolerance
  std::size_t from, to, worst;
};

Stretch measure(const Sample& sample, std::size_t from, std::size_t to, double absolute,
                double relative) {
  const Knot a = sample.point(from);
  const Knot b = sample.point(to);
  Stretch stretch{0, from, to, from};
  for (std::size_t i = from + 1; i < to; ++i) {
    const Knot x = sample.point(i);
    const double share = b.p > a.p ? (x.p - a.p) / (b.p - a.p) : 0;
    const double off = std::abs(a.value + share * (b.value - a.value) - x.value);
    const double error = off / (absolute + relative * std::abs(x.value));
    if (error > stretch.error) stretch = {error, from, to, i};
  }
  return stretch;
}

}  // namespace

double QuantileCurve::at(double probability) const {
  const auto above = std::upper_bound(p.begin(), p.end(), probability);
  if (above == p.begin()) return tokens.front();
  if (above == p.end()) return tokens.back();
  const auto i = static_cast<std::size_t>(above - p.begin());
  const double share = (probability - p[i - 1]) / (p[i] - p[i - 1]);
  return tokens[i - 1] + share * (tokens[i] - tokens[i - 1]);
}

std::int32_t QuantileCurve::draw(double probability) const {
  const double value = std::clamp(at(probability), 1.0, static_cast<double>(kMaxTokens));
  return static_cast<std::int32_t>(std::lround(value));
}

QuantileCurve fit_curve(std::span<const double> sorted, std::size_t most_knots, double absolute,
                        double relative) {
  EPH_ASSERT(!sorted.empty() && most_knots >= 2, "{} values, {} knots", sorted.size(), most_knots);
  const Sample sample(sorted);
  const auto worse = [](const Stretch& a, const Stretch& b) {
    return a.error != b.error ? a.error < b.error : a.from > b.from;
  };
  std::priority_queue<Stretch, std::vector<Stretch>, decltype(worse)> stretches(worse);
  stretches.push(measure(sample, 0, sample.points() - 1, absolute, relative));
  std::vector<std::size_t> knots{0, sample.points() - 1};
  while (knots.size() < most_knots && stretches.top().error > 1) {
    const Stretch worst = stretches.top();
    stretches.pop();
    knots.push_back(worst.worst);
    stretches.push(measure(sample, worst.from, worst.worst, absolute, relative));
    stretches.push(measure(sample, worst.worst, worst.to, absolute, relative));
  }
  std::sort(knots.begin(), knots.end());
  QuantileCurve curve;
  for (const std::size_t i : knots) {
    curve.p.push_back(sample.point(i).p);
    curve.tokens.push_back(sample.point(i).value);
  }
  return curve;
}

QuantileCurve fit_curve(std::span<const std::int32_t> sorted, std::size_t most_knots) {
  const std::vector<double> values(sorted.begin(), sorted.end());
  return fit_curve(values, most_knots, 0.5, 0.01);
}

}  // namespace eph::workload
