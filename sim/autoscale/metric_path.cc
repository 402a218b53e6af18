#include "sim/autoscale/metric_path.h"

namespace eph::sim {

void DelayedMetrics::observe(SimTime now, const FleetLoad& load) {
  if (!started_) {
    started_ = true;
    now_ = seen_ = load;
    inner_->observe(now, load);
    if (path_.interval > Duration::zero()) next_take_ = now + path_.interval;
    return;
  }
  while (next_take_ < now) take(next_take_);  // of what held until now
  now_ = load;
  if (path_.interval <= Duration::zero()) on_the_way_.push_back({now + path_.delay, load});
}

void DelayedMetrics::take(SimTime at) {
  on_the_way_.push_back({at + path_.delay, now_});
  next_take_ = next_take_ + path_.interval;
}

void DelayedMetrics::deliver(SimTime now) {
  while (next_take_ <= now) take(next_take_);
  while (!on_the_way_.empty() && on_the_way_.front().due <= now) {
    seen_ = on_the_way_.front().load;
    seen_.ready = now_.ready;
    inner_->observe(on_the_way_.front().due, seen_);
    on_the_way_.pop_front();
  }
  if (seen_.ready != now_.ready) {
    seen_.ready = now_.ready;
    inner_->observe(now, seen_);
  }
}

int DelayedMetrics::decide(SimTime now) {
  deliver(now);
  return inner_->decide(now);
}

}  // namespace eph::sim
