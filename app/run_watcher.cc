#include "app/run_watcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "app/table.h"
#include "scenario/load.h"

namespace eph::app {

namespace {

// Requests of open arrivals; 0 when there are more than can be counted in passing, or none can be
// read: then the run itself says why.
std::uint64_t count_requests(const models::Catalog& catalog, const scenario::Scenario& scenario) {
  constexpr std::uint64_t kMost = 1'000'000;
  auto source = scenario::open_source(catalog, scenario.workload, scenario.seed, 0);
  if (!source) return 0;
  std::vector<workload::Arrival> block(4096);
  std::uint64_t count = 0;
  while (count < kMost) {
    const Result<std::size_t> pulled = (*source)->pull(block);
    if (!pulled) return 0;
    if (*pulled == 0) return count;
    count += *pulled;
  }
  return 0;
}

}  // namespace

RunWatcher::RunWatcher(const models::Catalog& catalog, const scenario::Scenario& scenario)
    : runs_(scenario.runs) {
  if (!line_.visible()) return;
  const auto& synthetic = scenario.workload.synthetic;
  if (synthetic && synthetic->arrivals == "closed") {
    requests_ = static_cast<std::uint64_t>(synthetic->requests);
    duration_s_ = synthetic->duration_s;
  } else {
    requests_ = count_requests(catalog, scenario);
  }
  if (scenario.horizon_s) duration_s_ = *scenario.horizon_s;
}

double RunWatcher::share(SimTime now, std::uint64_t ended) const {
  double out = 0;
  if (requests_ > 0) out = static_cast<double>(ended) / static_cast<double>(requests_);
  if (duration_s_ > 0) out = std::max(out, now.seconds() / duration_s_);
  return std::min(out, 1.0);
}

sim::Progress RunWatcher::of_run() {
  if (!line_.visible()) return {};
  return [this](SimTime now, std::uint64_t ended) {
    const bool known = requests_ > 0 || duration_s_ > 0;
    double part = known && runs_ == 1 ? share(now, ended) : -1;
    if (runs_ > 1) part = static_cast<double>(done_) / runs_;
    line_.show(part, fmt::format("{} requests ended, {} simulated", human_count(ended),
                                 human_time(now.seconds())));
    return true;
  };
}

}  // namespace eph::app
