#include "sim/autoscale/serverless.h"

#include <algorithm>

#include "sim/autoscale/ceil_count.h"

namespace eph::sim {

int Serverless::needed() const { return ceil_count(load_.load() / options_.target_inputs); }

// Containers that worked up to now.
void Serverless::mark_busy(SimTime now) {
  const auto busy = std::min(busy_until_.size(), static_cast<std::size_t>(was_needed_));
  std::fill_n(busy_until_.begin(), busy, now);
}

void Serverless::observe(SimTime now, const FleetLoad& load) {
  if (started_) mark_busy(now);
  load_ = load;
  was_needed_ = needed();
  if (started_) return;
  started_ = true;
  next_ = now + options_.period;
  busy_until_.assign(static_cast<std::size_t>(std::max(0.0, load.ready)), now);
}

int Serverless::decide(SimTime now) {
  mark_busy(now);
  next_ = now + options_.period;
  const int need = needed();
  const int buffer = need > 0 ? options_.buffer_containers : 0;
  const auto wanted = static_cast<std::size_t>(
      std::clamp(need + buffer, options_.min_containers, options_.max_containers));
  while (busy_until_.size() > wanted && now - busy_until_.back() >= options_.scaledown_window) {
    busy_until_.pop_back();
  }
  if (busy_until_.size() < wanted) busy_until_.resize(wanted, now);
  mark_busy(now);
  return static_cast<int>(busy_until_.size());
}

}  // namespace eph::sim
