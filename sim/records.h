#pragma once
// What a run reports about each request and each step.
#include <cstdint>
#include <span>

#include "core/ids.h"
#include "core/time.h"
#include "models/batch_shape.h"
#include "sim/batch_plan.h"

namespace eph::sim {

// Cancelled: the client gave up at `finish`; engine_finish is when the engine let go of it, and
// output_tokens what it had produced by then. Rejected: by the engine, which can never hold it.
// Shed: by the gateway. Lost: its replica died, and it was not sent again.
enum class RequestStatus : std::uint8_t { finished, rejected, unfinished, cancelled, shed, lost };

// Times the request never reached are SimTime::never(). `sent`, `first_token`, `finish` are on the
// client's clock; the engine_* ones inside the replica, without front end and network.
struct RequestRecord {
  RequestId id{};
  ReplicaId replica{};
  RequestStatus status = RequestStatus::unfinished;
  std::int32_t prompt_tokens = 0;
  std::int32_t output_tokens = 0;  // really produced so far
  std::int32_t preemptions = 0;
  std::int32_t cached_tokens = 0;  // prefix-cache hit at first admission
  std::int32_t retries = 0;        // replicas that died with it before
  std::uint32_t request_class = 0;
  std::uint32_t pool = 0;  // of the replica, or where it waited or was refused last
  SimTime sent{};
  SimTime ingress = SimTime::never();             // reaches the API server
  SimTime engine_queued = SimTime::never();       // visible to the scheduler
  SimTime engine_scheduled = SimTime::never();    // start of the first step that works on it
  SimTime engine_first_token = SimTime::never();  // end of the step that samples it
  SimTime engine_finish = SimTime::never();
  SimTime first_left = SimTime::never();  // the first token leaves the API server
  SimTime last_left = SimTime::never();   // the last one
  SimTime first_token = SimTime::never();
  SimTime finish = SimTime::never();

  // Valid only for requests that got that far.
  [[nodiscard]] Duration ttft() const { return first_token - sent; }
  [[nodiscard]] Duration e2e() const { return finish - sent; }
  [[nodiscard]] Duration queued() const { return engine_scheduled - sent; }
  // (last - first) / (n - 1), seconds; 0 for one-token outputs.
  [[nodiscard]] double tpot_s() const {
    return output_tokens > 1 ? (finish - first_token).seconds() / (output_tokens - 1) : 0.0;
  }
};

// A request comes to a place of its way through a fleet.
struct RequestStop {
  enum class What : std::uint8_t {
    gateway,      // reaches it, or comes back to it
    assigned,     // leaves it for a replica
    seen,         // by that replica's scheduler
    prompt_done,  // the prefill worker has computed the prompt for another worker
    kv_there,     // which has its KV now
    given_back,   // its replica has died
  };
  What what = What::gateway;
  RequestId id{};
  SimTime at{};
  ReplicaId replica{};       // assigned
  std::uint32_t pool = 0;    // likewise
  bool prompt_only = false;  // likewise: another worker brings the first token
  SimTime served_since{};    // likewise: since when some replica of the pool has been ready
};

// One scheduled entry of a step.
struct ScheduledTokens {
  RequestId id{};
  std::int32_t tokens = 0;
  bool samples = false;  // the step brings an output token for it
  std::int32_t out = 0;  // how many: 1, or more when drafts are accepted
};

struct StepRecord {
  ReplicaId replica{};
  std::uint64_t step = 0;  // number of the step on this replica, from 0
  SimTime start{}, end{};
  models::BatchShape shape;
  std::int64_t waiting = 0, running = 0;       // after the step was composed
  std::int64_t kv_blocks_used = 0;             // null block not counted
  std::span<const ScheduledTokens> scheduled;  // in scheduling order; valid during the call
  std::span<const RequestId> preempted;
  std::span<const Admission> admitted;
};

}  // namespace eph::sim
