#include "workload/burst_process.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/rng.h"
#include "workload/window_counts.h"

namespace eph::workload {
namespace {

// Variance over mean of the counts at `window_s` over `windows` parents of 60 s and `expected`
// requests.
std::vector<double> dispersions(const std::vector<BurstLevel>& levels, double expected, int windows,
                                const std::vector<double>& at) {
  BurstProcess process(60, levels);
  std::vector<WindowCounts> counts;
  for (const double s : at) counts.emplace_back(Duration::from_seconds(s));
  for (WindowCounts& c : counts) c.add(SimTime::zero());
  for (int w = 0; w < windows; ++w) {
    std::vector<double> times;
    Stream stream(
        {.seed = 11, .purpose = Purpose::arrivals, .entity = static_cast<std::uint64_t>(w)});
    process.draw_window(expected, stream, times);
    for (const double t : times)
      for (WindowCounts& c : counts) c.add(SimTime::from_seconds(60.0 * w + t));
  }
  std::vector<double> result;
  for (const WindowCounts& c : counts) result.push_back(c.dispersion().value_or(0));
  return result;
}

}  // namespace

TEST_CASE("concentrations are solved from the variance they cause") {
  // One level, 6 children of a parent with exactly 60 requests: mean 10, E[parent^2] = 3600.
  // Variance/mean 3 asks for E[child^2] = 10 * 2 + 100 = 120 = 3600 / 36 (1 + 5 / (A + 1)): A = 24.
  const auto levels = solve_bursts(60, 60, 3600, {{10, 3.0}});
  REQUIRE(levels.size() == 1);
  CHECK(levels[0].concentration == Approx(24));
  // Evenly spaced requests ask for less than Poisson: an even split is the nearest.
  CHECK(solve_bursts(60, 60, 3600, {{10, 0.2}})[0].concentration == 1e6);
}

TEST_CASE("generated counts have the dispersion solved for, at every length") {
  const std::vector<Dispersion> wanted{{10, 12.0}, {1, 4.0}, {0.1, 1.6}};
  const auto levels = solve_bursts(60, 300, 300.0 * 300.0, wanted);
  const auto measured = dispersions(levels, 300, 4000, {60, 10, 1, 0.1});
  CHECK(measured[0] == Approx(1).epsilon(0.08));  // the parent's count is Poisson
  CHECK(measured[1] == Approx(12).epsilon(0.05));
  CHECK(measured[2] == Approx(4).epsilon(0.05));
  CHECK(measured[3] == Approx(1.6).epsilon(0.05));
}

TEST_CASE("superposing independent streams divides the excess dispersion among the requests") {
  // k streams: k times the requests, weights with a k-th of the variance, so that the excess over
  // 1, mean * (weights' relative variance), stays what it was.
  const auto levels = solve_bursts(60, 60, 3600, {{10, 3.0}});
  BurstLevel scaled = levels[0];
  scaled.concentration = superposed_concentration(scaled.concentration, 20);
  const auto measured = dispersions({scaled}, 60 * 20, 3000, {10});
  CHECK(measured[0] == Approx(3).epsilon(0.08));
  CHECK(superposed_concentration(5, 0.5) == 5);
}

TEST_CASE("an extreme concentration puts all requests of a window into few places") {
  const auto measured = dispersions({{10, 1e-3}}, 60, 3000, {10});
  // One child in six has everything: mean 10, variance 10 + (3600 + ...) / 6 - 100, over the
  // mean 51.
  CHECK(measured[0] == Approx(51).epsilon(0.1));
}

}  // namespace eph::workload
