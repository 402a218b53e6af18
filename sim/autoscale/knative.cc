#include "sim/autoscale/knative.h"

#include <algorithm>
#include <cmath>

#include "sim/autoscale/hpa.h"

namespace eph::sim {
namespace {

constexpr double kDefaultConcurrency = 100, kDefaultRps = 200, kLeastTarget = 0.01;

double aim_of(const KnativeOptions& o) {
  double target = o.target;
  if (target <= 0) target = o.metric == LoadMetric::rps ? kDefaultRps : kDefaultConcurrency;
  if (o.container_concurrency > 0 && o.metric != LoadMetric::rps) {
    target = o.target > 0 ? std::min(target, o.container_concurrency) : o.container_concurrency;
  }
  return std::max(kLeastTarget, target * o.target_percentage / 100);
}

}  // namespace

Knative::Knative(const KnativeOptions& options)
    : options_(options),
      target_(aim_of(options)),
      panic_window_(Duration::from_seconds(options.stable_window.seconds() *
                                           options.panic_window_percentage / 100)) {}

void Knative::observe(SimTime now, const FleetLoad& load) {
  history_.set(now, metric_of(load, options_.metric));
  ready_ = load.ready;
  if (started_) return;
  started_ = true;
  begin_ = now;
  next_ = now + options_.tick;
  last_ = static_cast<int>(load.ready);
}

int Knative::decide(SimTime now) {
  next_ = now + options_.tick;
  int wanted = delayed(now, from_windows(now));
  const int floor = options_.scale_to_zero ? options_.min_scale : std::max(1, options_.min_scale);
  wanted = std::max(wanted, floor);
  if (options_.max_scale > 0) wanted = std::min(wanted, options_.max_scale);
  return last_ = to_zero(now, wanted);
}

int Knative::from_windows(SimTime now) {
  const double ready = std::max(1.0, ready_);
  const double highest = std::ceil(options_.max_scale_up_rate * ready - 1e-9);
  const double lowest = std::floor(ready / options_.max_scale_down_rate + 1e-9);
  const auto pods = [&](Duration window) {
    return std::ceil(history_.mean(now - window, now) / target_ - 1e-9);
  };
  const double stable_raw = pods(options_.stable_window), panic_raw = pods(panic_window_);
  history_.forget(now - std::max(options_.stable_window, panic_window_));
  const auto bounded = [&](double n) {
    return static_cast<int>(std::clamp(std::min(std::max(n, lowest), highest), 0.0, 1e9));
  };
  const int stable = bounded(stable_raw), panic = bounded(panic_raw);
  const bool over = panic_raw / ready >= options_.panic_threshold_percentage / 100 - 1e-12;
  if (over) {
    panic_since_ = now;
  } else if (panic_since_ != SimTime::never() && now - panic_since_ > options_.stable_window) {
    panic_since_ = SimTime::never();
    panic_most_ = 0;
  }
  if (panic_since_ == SimTime::never()) return stable;
  panic_most_ = std::max({panic_most_, stable, panic});
  return panic_most_;
}

// The most that was wanted within the scale-down delay.
int Knative::delayed(SimTime now, int wanted) {
  if (options_.scale_down_delay <= Duration::zero()) return wanted;
  std::erase_if(recent_, [&](const Wanted& w) { return now - w.at >= options_.scale_down_delay; });
  recent_.push_back({now, wanted});
  for (const Wanted& w : recent_) wanted = std::max(wanted, w.replicas);
  return wanted;
}

// The last one goes when a whole stable window was idle since the start, and after the grace
// period.
int Knative::to_zero(SimTime now, int wanted) {
  if (wanted > 0) {
    idle_since_ = SimTime::never();
    return wanted;
  }
  if (last_ == 0) return 0;
  if (now - begin_ < options_.stable_window) return 1;
  if (idle_since_ == SimTime::never()) idle_since_ = now;
  return now - idle_since_ >= options_.scale_to_zero_grace ? 0 : 1;
}

}  // namespace eph::sim
