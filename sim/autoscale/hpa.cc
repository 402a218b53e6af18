#include "sim/autoscale/hpa.h"

#include <algorithm>
#include <cmath>

#include "sim/autoscale/ceil_count.h"

namespace eph::sim {
double metric_of(const FleetLoad& load, LoadMetric metric) {
  switch (metric) {
    case LoadMetric::load:
      return load.load();
    case LoadMetric::in_flight:
      return load.in_flight;
    case LoadMetric::queued:
      return load.queued;
    case LoadMetric::rps:
      return load.rps;
  }
  return 0;
}

void Hpa::observe(SimTime now, const FleetLoad& load) {
  load_ = load;
  if (started_) return;
  started_ = true;
  current_ = static_cast<int>(load.ready);
  if (options_.initial_recommendation) recommendations_.push_back({now, current_});
  next_ = now + options_.sync_period;
}

int Hpa::decide(SimTime now) {
  next_ = now + options_.sync_period;
  if (current_ == 0) return 0;  // ScalingDisabled
  // Outside of the bounds nothing else counts.
  int wanted = current_;
  if (current_ > options_.max_replicas)
    wanted = options_.max_replicas;
  else if (current_ < options_.min_replicas)
    wanted = options_.min_replicas;
  else
    wanted = limited(now, stabilised(now, proposal()));
  const Duration longest = std::max({options_.up.percent_period, options_.up.pods_period,
                                     options_.down.percent_period, options_.down.pods_period});
  for (std::vector<Mark>* marks : {&added_, &removed_})
    std::erase_if(*marks, [&](const Mark& m) { return now - m.at >= longest; });
  if (wanted > current_) added_.push_back({now, wanted - current_});
  if (wanted < current_) removed_.push_back({now, current_ - wanted});
  return current_ = wanted;
}

int Hpa::proposal() const {
  const double total = metric_of(load_, options_.metric);
  const auto beyond = [&](double ratio) {
    return ratio > 1 + options_.tolerance_up + 1e-12 || ratio < 1 - options_.tolerance_down - 1e-12;
  };
  const double all = total / (current_ * options_.target);
  if (options_.pod_readiness) {
    const double ready = std::min(load_.ready, static_cast<double>(current_));
    if (ready <= 0) return current_;  // no pod has a metric
    const double serving = total / (ready * options_.target);
    if (!beyond(serving)) return current_;
    if (ready < current_ && serving > 1 && (!beyond(all) || all < 1)) return current_;
    return ceil_count(total / options_.target);
  }
  return beyond(all) ? ceil_count(total / options_.target) : current_;
}

// The least of the window's recommendations upwards, the greatest downwards.
int Hpa::stabilised(SimTime now, int proposed) {
  int up = proposed, down = proposed;
  const Duration longest = std::max(options_.stabilization_up, options_.stabilization_down);
  std::erase_if(recommendations_, [&](const Mark& m) { return now - m.at >= longest; });
  for (const Mark& m : recommendations_) {
    if (now - m.at < options_.stabilization_up) up = std::min(up, m.replicas);
    if (now - m.at < options_.stabilization_down) down = std::max(down, m.replicas);
  }
  recommendations_.push_back({now, proposed});
  return std::max(up, std::min(down, current_));
}

namespace {

// Size at the start of the period that ends now.
template <class Marks>
int start_of(SimTime now, Duration period, int current, const Marks& added, const Marks& removed) {
  for (const auto& m : added)
    if (now - m.at < period) current -= m.replicas;
  for (const auto& m : removed)
    if (now - m.at < period) current += m.replicas;
  return current;
}

}  // namespace

int Hpa::most(SimTime now) const {
  const HpaOptions::Limits& limits = options_.up;
  if (limits.select == HpaOptions::Select::disabled) return current_;
  const bool least = limits.select == HpaOptions::Select::min;
  int out = least ? kNoReplicaLimit : 0;
  const auto offer = [&](int n) { out = least ? std::min(out, n) : std::max(out, n); };
  if (limits.pods > 0)
    offer(start_of(now, limits.pods_period, current_, added_, removed_) + limits.pods);
  if (limits.percent > 0)
    offer(ceil_count(start_of(now, limits.percent_period, current_, added_, removed_) *
                     (1 + limits.percent / 100)));
  if (limits.pods <= 0 && limits.percent <= 0) return kNoReplicaLimit;
  return std::max(out, current_);
}

int Hpa::fewest(SimTime now) const {
  const HpaOptions::Limits& limits = options_.down;
  if (limits.select == HpaOptions::Select::disabled) return current_;
  const bool least = limits.select == HpaOptions::Select::min;  // the smallest change
  int out = least ? 0 : kNoReplicaLimit;
  const auto offer = [&](int n) { out = least ? std::max(out, n) : std::min(out, n); };
  if (limits.pods > 0)
    offer(start_of(now, limits.pods_period, current_, added_, removed_) - limits.pods);
  if (limits.percent > 0)
    offer(static_cast<int>(
        std::floor(start_of(now, limits.percent_period, current_, added_, removed_) *
                       (1 - limits.percent / 100) +
                   1e-9)));
  if (limits.pods <= 0 && limits.percent <= 0) return 0;
  return std::min(out, current_);
}

int Hpa::limited(SimTime now, int wanted) const {
  if (wanted > current_) return std::min({wanted, most(now), options_.max_replicas});
  if (wanted < current_) return std::max({wanted, fewest(now), options_.min_replicas});
  return wanted;
}

}  // namespace eph::sim
