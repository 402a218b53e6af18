#include "workload/burst_process.h"

#include <algorithm>
#include <cmath>

#include "core/assert.h"
#include "core/distributions.h"

namespace eph::workload {
namespace {

constexpr double kLeast = 1e-3;
constexpr double kMost = 1e6;  // indistinguishable from an even split

// Symmetric Dirichlet weights summing to 1.
void draw_weights(Stream& stream, double concentration, std::vector<double>& weights) {
  const auto n = static_cast<double>(weights.size());
  double sum = 0;
  for (double& w : weights) {
    w = concentration >= kMost ? 1.0 : draw_gamma(stream, concentration / n, 1.0);
    sum += w;
  }
  if (sum > 0) {
    for (double& w : weights) w /= sum;
    return;
  }
  // All draws underflowed: in this limit one child has everything.
  weights[stream.below(weights.size())] = 1;
}

}  // namespace

std::vector<BurstLevel> solve_bursts(double window_s, double mean_count, double mean_square,
                                     const std::vector<Dispersion>& levels) {
  std::vector<BurstLevel> solved;
  double parent_s = window_s;
  double parent_mean = mean_count;
  double parent_square = mean_square;
  for (const Dispersion& level : levels) {
    const double n = std::round(parent_s / level.window_s);
    const double mean = parent_mean / n;
    const double wanted =
        mean * (std::max(1.0, level.variance_to_mean.value_or(1)) - 1) + mean * mean;
    const double ratio = wanted * n * n / parent_square;  // 1 + (n - 1) / (A + 1)
    const double solution = ratio > 1 ? (n - 1) / (ratio - 1) - 1 : kMost;
    const double concentration = std::clamp(solution, kLeast, kMost);
    solved.push_back({level.window_s, concentration});
    parent_square *= (1 + (n - 1) / (concentration + 1)) / (n * n);
    parent_mean = mean;
    parent_s = level.window_s;
  }
  return solved;
}

double superposed_concentration(double concentration, double copies) {
  if (copies <= 1) return concentration;
  return std::min(kMost, copies * (concentration + 1) - 1);
}

BurstProcess::BurstProcess(double window_s, std::vector<BurstLevel> levels)
    : window_s_(window_s), levels_(std::move(levels)) {
  double parent_s = window_s_;
  for (const BurstLevel& level : levels_) {
    const double n = std::round(parent_s / level.window_s);
    EPH_ASSERT(n >= 2, "{} s windows do not divide {} s", level.window_s, parent_s);
    children_.push_back(static_cast<std::size_t>(n));
    weights_.emplace_back(static_cast<std::size_t>(n));
    parent_s = level.window_s;
  }
}

void BurstProcess::draw_window(double expected, Stream& stream, std::vector<double>& times) {
  if (!(expected > 0)) return;
  until_next_ = draw_exponential(stream, 1);
  split(0, 0, expected, stream, times);
}

void BurstProcess::split(std::size_t level, double from_s, double expected, Stream& stream,
                         std::vector<double>& times) {
  const double length_s = level == 0 ? window_s_ : levels_[level - 1].window_s;
  if (level == levels_.size()) {  // rate is even here: Poisson
    double used = 0;
    while (until_next_ <= expected - used) {
      used += until_next_;
      times.push_back(from_s + length_s * (used / expected));
      until_next_ = draw_exponential(stream, 1);
    }
    until_next_ -= expected - used;
    return;
  }
  draw_weights(stream, levels_[level].concentration, weights_[level]);
  for (std::size_t child = 0; child < children_[level]; ++child) {
    const double at_s = from_s + levels_[level].window_s * static_cast<double>(child);
    split(level + 1, at_s, expected * weights_[level][child], stream, times);
  }
}

}  // namespace eph::workload
