#pragma once
// What became of the requests of one pool, where there are several.
#include <cstdint>
#include <vector>

#include "sim/latency_sample.h"
#include "sim/request_table.h"

namespace eph::sim {

// The state of one pool at an instant.
struct PoolPoint {
  std::int64_t ready = 0, held = 0, gateway = 0, waiting = 0, running = 0;
};

// A request belongs to the pool that had it last. Counts are of all requests; latencies of measured
// ones that finished.
struct PoolTally {
  std::uint64_t finished = 0, rejected = 0, cancelled = 0, unfinished = 0, shed = 0, lost = 0;
  std::uint64_t prompt_tokens = 0, output_tokens = 0;  // of those that finished
  LatencySample ttft, tpot, e2e;
  LatencySample gateway_wait;     // of requests that waited there and were sent on
  std::vector<PoolPoint> series;  // beside RunSummary::series

  [[nodiscard]] std::uint64_t requests() const {
    return finished + rejected + cancelled + unfinished + shed + lost;
  }
  void add(const RequestRow& row) {
    const RequestRecord& r = row.record;
    switch (r.status) {
      case RequestStatus::finished:
        break;
      case RequestStatus::rejected:
        ++rejected;
        return;
      case RequestStatus::cancelled:
        ++cancelled;
        return;
      case RequestStatus::unfinished:
        ++unfinished;
        return;
      case RequestStatus::shed:
        ++shed;
        return;
      case RequestStatus::lost:
        ++lost;
        return;
    }
    ++finished;
    prompt_tokens += static_cast<std::uint64_t>(r.prompt_tokens);
    output_tokens += static_cast<std::uint64_t>(r.output_tokens);
    if (!row.measured) return;
    ttft.add(r.ttft());
    e2e.add(r.e2e());
    if (r.output_tokens > 1) tpot.add(Duration::from_seconds(r.tpot_s()));
  }
};

}  // namespace eph::sim
