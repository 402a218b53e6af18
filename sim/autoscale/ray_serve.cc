#include "sim/autoscale/ray_serve.h"

#include <algorithm>
#include <cmath>

namespace eph::sim {

void RayServe::observe(SimTime now, const FleetLoad& load) {
  history_.set(now, load.load());
  load_ = load;
  if (started_) return;
  started_ = true;
  next_ = now + options_.control_loop;
  next_push_ = now + options_.metrics_interval;
  target_ = std::clamp(static_cast<int>(load.ready), options_.min_replicas, options_.max_replicas);
}

void RayServe::push(SimTime now) {
  while (next_push_ <= now) {
    ongoing_ = history_.mean(next_push_ - options_.look_back_period, next_push_);
    history_.forget(next_push_ - options_.look_back_period);
    pushed_ = true;
    next_push_ = next_push_ + options_.metrics_interval;
  }
}

int RayServe::desired(int running) const {
  const double error = ongoing_ / (options_.target_ongoing_requests * running);
  const double factor = error > 1 ? options_.upscaling_factor : options_.downscaling_factor;
  int out = static_cast<int>(std::ceil(std::min(1e9, running * (1 + (error - 1) * factor)) - 1e-9));
  if (error < 1 && factor < 1 && out == running) --out;  // stuck by the factor
  return std::clamp(out, options_.min_replicas, options_.max_replicas);
}

int RayServe::decide(SimTime now) {
  push(now);
  next_ = now + options_.control_loop;
  const int running = static_cast<int>(load_.ready);
  if (running == 0) {
    if (load_.load() > 0) {
      const int first = std::max(static_cast<int>(std::ceil(options_.upscaling_factor)), target_);
      target_ = std::clamp(first, std::max(1, options_.min_replicas), options_.max_replicas);
      agreed_ = 0;
    }
    return target_;
  }
  if (!pushed_) return target_;
  int wanted = desired(running);
  if (wanted == 0 && target_ > 1) wanted = 1;  // the last one is a step of its own
  if (wanted > target_) {
    agreed_ = std::max<std::int64_t>(agreed_, 0) + 1;
    if (agreed_ > loops(options_.upscale_delay)) target_ = wanted, agreed_ = 0;
  } else if (wanted < target_) {
    agreed_ = std::min<std::int64_t>(agreed_, 0) - 1;
    const bool last = wanted == 0 && options_.downscale_to_zero_delay >= Duration::zero();
    const Duration delay = last ? options_.downscale_to_zero_delay : options_.downscale_delay;
    if (-agreed_ > loops(delay)) target_ = wanted, agreed_ = 0;
  } else {
    agreed_ = 0;
  }
  return target_;
}

}  // namespace eph::sim
