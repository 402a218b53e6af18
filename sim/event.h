#pragma once
// What is going to happen, as 16 trivially copyable bytes.
#include <cstdint>

#include "core/time.h"

namespace eph::sim {

// Classes in the order in which they are settled within one instant. A step's end comes first and
// the forming of batches last, so that whatever becomes known at the instant at which a step ends
// (tokens, departures, arrivals) is seen by the batch composed there.
enum class EventClass : std::uint8_t {
  step_done,    // target: replica
  client_done,  // target: slot; the client has the last token, or the rejection
  timeout,      // target: slot; the client's patience ends
  fleet,        // target: row of FleetEvents; replicas come, go and break
  send,         // pulled from the load, never queued; takes part in the order only
  gateway,      // target: slot; the request reaches the gateway
  ingress,      // target: slot; the request reaches the API server's queue
  visible,      // target: slot; the scheduler can see the request
  abort,        // target: slot; the scheduler can see that the client has gone
  form_batch,   // target: replica
};

// key = time in ns << 8 | class: 55 bits of nanoseconds are 1.14 years.
struct Event {
  std::uint64_t key = 0;
  std::uint32_t target = 0;
  std::uint32_t sequence = 0;  // given by the queue: first in, first out among equal keys

  static constexpr std::int64_t kMaxNs = (std::int64_t{1} << 55) - 1;

  static std::uint64_t key_of(SimTime at, EventClass event_class) {
    EPH_ASSERT(at.ns >= 0 && at.ns <= kMaxNs, "event at {} ns", at.ns);
    return static_cast<std::uint64_t>(at.ns) << 8 | static_cast<std::uint64_t>(event_class);
  }
  [[nodiscard]] SimTime at() const { return SimTime{static_cast<std::int64_t>(key >> 8)}; }
  [[nodiscard]] EventClass event_class() const { return static_cast<EventClass>(key & 0xff); }
};
static_assert(sizeof(Event) == 16);

}  // namespace eph::sim
