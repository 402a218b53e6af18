#include "sim/autoscale/scheduled.h"

namespace eph::sim {

void Scheduled::observe(SimTime now, const FleetLoad& load) {
  if (started_) return;
  started_ = true;
  begin_ = now;
  for (ScheduledOptions::Entry& entry : options_.entries)
    if (entry.replicas < 0) entry.replicas = static_cast<int>(load.ready);
  if (!options_.entries.empty()) next_ = now + options_.entries.front().from;
}

int Scheduled::decide(SimTime) {
  const int replicas = options_.entries[entry_].replicas;
  advance();
  return replicas;
}

void Scheduled::advance() {
  if (++entry_ == options_.entries.size()) {
    entry_ = 0;
    ++round_;
    if (options_.period <= Duration::zero()) {
      next_ = SimTime::never();
      return;
    }
  }
  next_ = begin_ + options_.period * round_ + options_.entries[entry_].from;
}

}  // namespace eph::sim
