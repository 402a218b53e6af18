#include "app/shared_requests.h"

#include <algorithm>

#include "scenario/load.h"

namespace eph::app {

using scenario::RequestList;

std::size_t SharedRequests::announce(const scenario::Scenario& scenario, std::uint64_t run) {
  const scenario::WorkloadSpec& workload = scenario.workload;
  const bool adapts = workload.synthetic && (workload.synthetic->arrivals == "closed" ||
                                             workload.synthetic->has_sessions());
  if (adapts || scenario.horizon_s) return kNone;
  auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.run == run && entry.seed == scenario.seed && entry.workload == workload;
  });
  if (found == entries_.end()) {
    entries_.emplace_back(workload, scenario.seed, run);
    found = entries_.end() - 1;
  }
  ++found->announced;
  ++found->left;
  return static_cast<std::size_t>(found - entries_.begin());
}

Result<const RequestList*> SharedRequests::list(std::size_t number,
                                                const models::Catalog& catalog) {
  if (number == kNone || entries_[number].announced < 2)
    return static_cast<const RequestList*>(nullptr);
  Entry& entry = entries_[number];
  const std::lock_guard lock(entry.mutex);
  if (!entry.tried) {
    entry.tried = true;
    const std::size_t held = held_.load();
    entry.requests = scenario::load_requests_up_to(catalog, entry.workload, entry.seed, entry.run,
                                                   kMostRequests - std::min(held, kMostRequests));
    if (entry.requests && *entry.requests) held_ += (*entry.requests)->arrivals.size();
  }
  if (!entry.requests) return entry.requests.error();
  return entry.requests->has_value() ? &**entry.requests : nullptr;
}

void SharedRequests::release(std::size_t number) {
  if (number == kNone || --entries_[number].left > 0) return;
  Entry& entry = entries_[number];
  const std::lock_guard lock(entry.mutex);
  if (!entry.requests || !*entry.requests) return;
  held_ -= (*entry.requests)->arrivals.size();
  entry.requests = std::optional<RequestList>();
}

}  // namespace eph::app
