#pragma once
// The summary of a run: latencies, rates, goodput, queues over time.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/time.h"
#include "sim/fleet/fleet_summary.h"
#include "sim/latency_sample.h"
#include "sim/metrics_sink.h"
#include "sim/slo.h"

namespace eph::sim {

// Over the whole run, requests sent before measure_from included.
struct RunCounts {
  // INV-1: the first is the sum of the others.
  std::uint64_t arrived = 0, finished = 0, rejected = 0, unfinished = 0, cancelled = 0;
  std::uint64_t shed = 0, lost = 0;  // by the gateway; with a replica that died
  std::uint64_t steps = 0, preemptions = 0;
  std::uint64_t prompt_tokens = 0, output_tokens = 0;  // of finished requests
  std::uint64_t cached_tokens = 0;  // of these prompts, found in a prefix cache when first admitted
  std::uint64_t wasted_output_tokens = 0;  // of cancelled requests
  std::uint64_t scheduled_tokens = 0;      // processed by steps, recomputation included
  std::uint64_t events = 0;
  // Speculative decoding: decodes of a sequence with drafts, the drafts, those accepted.
  std::uint64_t verifications = 0, draft_tokens = 0, accepted_tokens = 0;

  // Output tokens of a decode with drafts, by the draws: what lies beyond a request's end included.
  [[nodiscard]] double tokens_per_verification() const {
    return verifications > 0
               ? 1 + static_cast<double>(accepted_tokens) / static_cast<double>(verifications)
               : 0.0;
  }
  [[nodiscard]] double acceptance_rate() const {  // of draft tokens
    return draft_tokens > 0
               ? static_cast<double>(accepted_tokens) / static_cast<double>(draft_tokens)
               : 0.0;
  }

  [[nodiscard]] double hit_rate() const {  // of prompt tokens
    return prompt_tokens > 0
               ? static_cast<double>(cached_tokens) / static_cast<double>(prompt_tokens)
               : 0.0;
  }
};

// One sample of the fleet's state, summed over replicas.
struct SeriesPoint {
  SimTime at{};
  std::int64_t waiting = 0, running = 0;
  double kv_used = 0;                           // share of usable blocks, 0..1
  std::uint64_t preemptions = 0, finished = 0;  // so far
  std::int64_t ready = 0, held = 0;             // replicas that serve; those paid for
  std::int64_t gateway = 0;                     // requests that wait there
};

// `measured_s` is over finished requests. A quantile is met only if that share of the measured
// requests finished at all: what was rejected or never ended counts as beyond any limit. Cancelled
// requests take part as infinitely long: the quantile is that of finished and cancelled ones.
struct SloOutcome {
  Slo slo;
  double measured_s = 0;
  bool met = false;
  std::uint64_t sent = 0, finished = 0;  // of those it is about

  // A percentile of what finished says nothing about the rest: too few finished at all.
  [[nodiscard]] bool too_few_finished() const {
    return finished == 0 ||
           (!slo.mean && static_cast<double>(finished) < slo.quantile * static_cast<double>(sent));
  }
};

// How far the end of the sends, or the horizon, makes the result: filled for saturated runs and for
// those with unfinished requests.
struct Overload {
  double growth_per_s = 0;        // of the number in the system over the second half of the sends
  std::int64_t at_last_send = 0;  // in the system when the last request was sent
  double ttft_p95_half_s = 0;     // of requests sent in the first half of the sending time
  double ttft_p95_all_s = 0;      // of all: thinned out beyond 8192 requests
};

// One class of requests, where they have names; of measured requests.
struct ClassSummary {
  std::string name;
  std::uint64_t arrived = 0, finished = 0, rejected = 0, cancelled = 0, shed = 0, lost = 0;
  std::uint64_t good = 0;  // finished within every objective that concerns them
  LatencySample ttft, tpot, e2e;

  [[nodiscard]] std::uint64_t unfinished() const {
    return arrived - finished - rejected - cancelled - shed - lost;
  }
  [[nodiscard]] double attainment() const {
    return arrived > 0 ? static_cast<double>(good) / static_cast<double>(arrived) : 0.0;
  }
  [[nodiscard]] const LatencySample& sample(Latency latency) const;  // not itl
};

// Everything `simulate` prints. "Measured" requests are those sent at or after measure_from.
// Latencies are over measured requests that finished; ITL over all gaps between consecutive tokens
// of measured requests as the client sees them (those of requests that did not finish included).
// Means over time run from the first measured send to the last event.
struct RunSummary {
  RunCounts counts;
  LatencySample ttft, tpot, itl, e2e, queued;
  SimTime first_sent{}, last_finish{};
  SimTime end{};  // of the run
  double requests_per_s = 0, output_tokens_per_s = 0,
         total_tokens_per_s = 0;  // over first_sent..last_finish
  // Measured requests that finished and meet every SLO's limit themselves (an ITL limit is held
  // against the request's own mean gap); the share is of measured requests.
  double goodput_per_s = 0;
  double goodput_share = 0;
  double busy_share = 0;  // of replica time spent in steps
  // Requests as the schedulers count them, summed over replicas; the fullest replica's share of
  // blocks.
  double mean_running = 0, mean_waiting = 0, peak_kv_used = 0;
  double tokens_per_verification = 0, draft_acceptance = 0;  // RunCounts, 0 without drafts
  double mean_in_system = 0;  // sent and not ended at the client (INV-9)
  bool timeouts = false;      // some client had one
  bool saturated =
      false;  // the backlog grew over the second half of the arrivals (sim/backlog_trend.h)
  std::optional<Overload> overload;
  std::vector<SloOutcome> slos;
  std::vector<ClassSummary> classes;  // in order of first appearance; empty without names
  std::vector<SeriesPoint> series;
  std::optional<FleetSummary> fleet;  // of pools that change, and of gateways that hold or shed
  LatencySample engine_ttft;  // from reaching the API server to leaving it; with a network only
  std::uint64_t digest = 0;   // of every request record (INV-8)

  [[nodiscard]] const LatencySample& sample(Latency latency) const;
  [[nodiscard]] bool slos_met() const;
};

}  // namespace eph::sim
