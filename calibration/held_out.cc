#include "calibration/held_out.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/stats.h"

namespace eph::calibration {
namespace {

constexpr double kNormal95 = 1.6448536269514722;

}  // namespace

double interval_sd(std::vector<double> log_ratios) {
  if (log_ratios.empty()) return 0;
  for (double& x : log_ratios) x = std::abs(x);
  std::sort(log_ratios.begin(), log_ratios.end());
  return quantile_sorted(log_ratios, 0.9) / kNormal95;
}

double interval_coverage(const std::vector<double>& log_ratios,
                         const std::vector<std::string>& groups) {
  const std::set<std::string> names(groups.begin(), groups.end());
  if (names.size() < 2) return -1;
  std::size_t inside = 0;
  for (const std::string& held : names) {
    std::vector<double> others;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      if (groups[i] != held) others.push_back(log_ratios[i]);
    }
    const double half = kNormal95 * interval_sd(std::move(others));
    for (std::size_t i = 0; i < groups.size(); ++i) {
      if (groups[i] == held && std::abs(log_ratios[i]) <= half) ++inside;
    }
  }
  return static_cast<double>(inside) / static_cast<double>(groups.size());
}

}  // namespace eph::calibration
