#include "sim/horizon_sample.h"

#include <algorithm>

#include "core/stats.h"

namespace eph::sim {

void HorizonSample::add(std::uint64_t request, SimTime sent, Duration ttft) {
  if (request % stride_ != 0) return;
  points_.push_back({request, sent, ttft});
  if (points_.size() < kMost) return;
  stride_ *= 2;
  std::erase_if(points_, [this](const Point& p) { return p.request % stride_ != 0; });
}

HorizonSample::Sensitivity HorizonSample::p95(SimTime first_sent, SimTime last_sent) const {
  const SimTime middle{first_sent.ns + (last_sent - first_sent).ns / 2};
  std::vector<double> half, all;
  for (const Point& p : points_) {
    all.push_back(p.ttft.seconds());
    if (p.sent <= middle) half.push_back(p.ttft.seconds());
  }
  const auto quantile = [](std::vector<double>& values) {
    std::sort(values.begin(), values.end());
    return values.empty() ? 0.0 : quantile_sorted(values, 0.95);
  };
  return {quantile(half), quantile(all)};
}

}  // namespace eph::sim
