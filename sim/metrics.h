#pragma once
// The summary of a run: latencies, rates, goodput, queues over time.
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/histogram.h"
#include "core/time.h"
#include "sim/metrics_sink.h"
#include "sim/slo.h"

namespace eph::sim {

// Latency values: exact up to kExactLimit of them, then a log-bucket histogram (0.2 %).
// Quantiles of the exact form interpolate linearly between order statistics (core/stats.h).
class LatencySample {
 public:
  static constexpr std::size_t kExactLimit = std::size_t{1} << 20;
  void add(Duration value, std::uint64_t count = 1);
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] double mean_s() const;
  [[nodiscard]] double quantile_s(double p) const;  // 0 when empty
  [[nodiscard]] double max_s() const;

 private:
  mutable std::vector<std::int64_t> exact_;
  mutable bool sorted_ = false;
  Histogram histogram_;
  bool overflowed_ = false;
};

struct RunCounts {
  std::uint64_t arrived = 0, finished = 0, rejected = 0, unfinished = 0;  // INV-1: sums
  std::uint64_t steps = 0, preemptions = 0;
  std::uint64_t prompt_tokens = 0, output_tokens = 0;  // of finished requests
  std::uint64_t scheduled_tokens = 0;                  // processed by steps, recomputation included
  std::uint64_t events = 0;
};

// One sample of the fleet's state, summed over replicas.
struct SeriesPoint {
  SimTime at{};
  std::int64_t waiting = 0, running = 0;
  double kv_used = 0;  // share of usable blocks, 0..1
  std::uint64_t preemptions = 0, finished = 0;  // so far
};

struct SloOutcome {
  Slo slo;
  double measured_s = 0;
  bool met = false;
};

// Everything `simulate` prints. Latencies over finished requests sent at or after measure_from; ITL over
// all gaps between consecutive tokens of those requests as the client sees them.
struct RunSummary {
  RunCounts counts;
  LatencySample ttft, tpot, itl, e2e, queued;
  SimTime first_sent{}, last_finish{};
  double requests_per_s = 0, output_tokens_per_s = 0, total_tokens_per_s = 0;  // over first_sent..last_finish
  double goodput_per_s = 0;  // finished requests that meet every SLO's limit themselves
  double goodput_share = 0;  // of arrived requests
  double busy_share = 0;     // of replica time spent in steps
  double mean_running = 0, mean_waiting = 0, peak_kv_used = 0;
  bool saturated = false;    // the backlog grew over the last half of the arrivals: see docs/MODEL.md
  std::vector<SloOutcome> slos;
  std::vector<SeriesPoint> series;
  std::uint64_t digest = 0;  // of every request record (INV-8)

  [[nodiscard]] const LatencySample& sample(Latency latency) const;
  [[nodiscard]] bool slos_met() const;
};

}  // namespace eph::sim
