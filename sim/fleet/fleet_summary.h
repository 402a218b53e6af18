#pragma once
// What became of a fleet's replicas during a run.
#include <cstdint>
#include <string>
#include <vector>

#include "sim/fleet/pool_tally.h"
#include "sim/latency_sample.h"

namespace eph::sim {

// One pool. Times over the whole run. A replica is held from the decision to start it (its machine
// is paid) until it has stopped or its death is known.
struct PoolSummary {
  std::string name;
  int gpus = 1;                                     // of a replica
  double held_s = 0, ready_s = 0, warm_node_s = 0;  // replica seconds; nodes kept warm
  std::int64_t start_replicas = 0, peak_ready = 0, least_ready = 0;
  double mean_ready = 0;
  std::uint64_t starts = 0, warm_starts = 0;  // the second are among the first
  std::uint64_t drained = 0;                  // stopped by intent
  std::uint64_t deaths = 0;       // failures, and what a drain limit or the end of a notice cut off
  std::uint64_t reclaims = 0;     // spot machines that were taken away, their work done or not
  LatencySample start_time;       // of replicas that came up
  std::uint64_t decisions = 0;    // of its autoscaler
  std::int64_t old_replicas = 0;  // that an upgrade which has begun has not replaced
  std::uint64_t no_room = 0;   // starts that found no machine with enough idle GPUs, each wait once
  double scattered_gpu_s = 0;  // idle GPUs that no replica of this pool could use together
  PoolTally requests;          // filled where there are several pools

  [[nodiscard]] double gpu_hours() const { return (held_s + warm_node_s) * gpus / 3600.0; }
};

struct FleetSummary {
  std::vector<PoolSummary> pools;
  std::uint64_t retries = 0;      // requests sent once more after a replica died, each time
  std::uint64_t queued = 0;       // requests that waited in the gateway
  LatencySample gateway_wait;     // of these
  std::uint64_t never_left = 0;   // others, that waited there until their client or the run gave up
  LatencySample never_left_wait;  // of these
  std::uint64_t aimless_faults = 0;  // outages and stragglers that found no replica at their place
  std::uint64_t handed_over = 0;     // requests whose KV moved to a decode worker
  double moved_bytes = 0;
  std::uint64_t spared_tokens = 0;   // of these, found in the decode worker's cache
  std::uint64_t expired_leases = 0;  // requests whose KV the prefill worker did not keep longer
  LatencySample transfer_time;       // from the end of the prompt to the KV being there
  // Work of replicas that died, done in vain: tokens computed of prompts, output tokens.
  std::uint64_t lost_prompt_tokens = 0, lost_output_tokens = 0;
  std::int64_t nodes = 0, gpus = 0, peak_gpus = 0;  // machines, where they are counted; most in use
};

}  // namespace eph::sim
