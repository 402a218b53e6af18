#include "sim/autoscale/keda.h"

#include <algorithm>

namespace eph::sim {
namespace {

HpaOptions under_keda(const KedaOptions& options) {
  HpaOptions hpa = options.hpa;
  hpa.min_replicas = std::max(1, options.min_replicas);
  return hpa;
}

}  // namespace

Keda::Keda(const KedaOptions& options) : options_(options), hpa_(under_keda(options)) {}

void Keda::observe(SimTime now, const FleetLoad& load) {
  load_ = load;
  hpa_.observe(now, load);
  if (started_) return;
  started_ = true;
  begin_ = last_active_ = now;
  poll_ = now + options_.polling_interval;
}

int Keda::decide(SimTime now) {
  if (now == poll_) {
    poll(now);
    poll_ = now + options_.polling_interval;
  }
  const int at_rest = std::max(0, options_.idle_replicas);
  const bool resting = hpa_.current() == at_rest && at_rest < std::max(1, options_.min_replicas);
  if (now == hpa_.next()) {
    const int current = hpa_.current();
    const int wanted = hpa_.decide(now);
    if (resting)
      hpa_.set_current(current);  // KEDA pauses the HPA there
    else
      return wanted;
  }
  return hpa_.current();
}

void Keda::poll(SimTime now) {
  const int floor = std::max(1, options_.min_replicas);
  const int current = hpa_.current();
  const int at_rest = std::max(0, options_.idle_replicas);
  if (metric_of(load_, options_.hpa.metric) > options_.activation) {
    last_active_ = now;
    if (current == 0 || (options_.idle_replicas >= 0 && current < floor)) hpa_.set_current(floor);
    return;
  }
  const bool may_rest = options_.min_replicas == 0 || options_.idle_replicas >= 0;
  if (may_rest && current > at_rest && now - last_active_ >= options_.cooldown &&
      now - begin_ >= options_.initial_cooldown) {
    hpa_.set_current(at_rest);
  }
  if (options_.min_replicas > 0 && options_.idle_replicas < 0 && current < options_.min_replicas)
    hpa_.set_current(options_.min_replicas);
}

}  // namespace eph::sim
