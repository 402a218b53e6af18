#pragma once
// How one step goes through the launching thread and the GPU, in nanoseconds: MODEL eq. 18.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/distributions.h"
#include "core/rng.h"
#include "core/time.h"
#include "models/step_model.h"

namespace eph::sim {

// A step's times, rounded once.
struct LaunchTimes {
  std::int64_t lead = 0;  // before the GPU can begin
  std::int64_t host = 0;  // lead and launch
  std::int64_t gpu = 1, results = 0;
  double gpu_s = 0, jitter_s = 0;

  LaunchTimes() = default;
  explicit LaunchTimes(const models::StepTimes& t)
      : lead(Duration::from_seconds(t.lead).ns),
        host(Duration::from_seconds(t.lead + t.launch).ns),
        gpu(std::max<std::int64_t>(1, Duration::from_seconds(t.gpu).ns)),
        results(Duration::from_seconds(t.results).ns),
        gpu_s(t.gpu),
        jitter_s(t.launch_jitter) {}
};

struct Launched {
  std::int64_t host_free = 0;       // the launching thread has nothing to do
  std::int64_t start = 0, end = 0;  // on the GPU
};

// Host and GPU overlap, MODEL eq. 2.
[[nodiscard]] inline double overlap(double gpu, double host) {
  const double high = std::max(gpu, host), ratio = std::min(gpu, host) / high;
  const double square = ratio * ratio;
  return high * std::sqrt(std::sqrt(1 + square * square));
}

// A step composed at `began`, behind one that leaves the GPU at `gpu_free`. `launches`: the stream
// of this launch, moved on to that of the next one.
[[nodiscard]] inline Launched launch_step(const LaunchTimes& t, std::int64_t began,
                                          std::int64_t gpu_free, StreamKey& launches) {
  Launched l;
  l.host_free = began + t.host;
  if (t.jitter_s > 0) {
    Stream stream(launches);
    l.host_free += Duration::from_seconds(draw_exponential(stream, t.jitter_s)).ns;
  }
  ++launches.entity;
  l.start = std::max(gpu_free, began + t.lead);
  l.end = l.start + t.gpu;
  if (const std::int64_t launched = l.host_free - l.start; launched > 0) {
    const double seconds = overlap(t.gpu_s, Duration{launched}.seconds());
    l.end = l.start + std::max<std::int64_t>(1, Duration::from_seconds(seconds).ns);
  }
  return l;
}

}  // namespace eph::sim
