#pragma once
// What is going to happen to replicas: the side table of the event queue, whose targets are rows.
#include <cstdint>
#include <vector>

#include "core/time.h"

namespace eph::sim {

struct FleetEvent {
  enum class Kind : std::uint8_t {
    decide,      // the autoscaler's turn
    up,          // a start is complete
    warm,        // another node is warm
    drain_over,  // a replica that drains has to go
    gpu_fault,   // of one replica
    domain_fault,
    outage,   // a certain fault
    noticed,  // the death of a replica
    repaired,
    repaired_node,
    reclaim_notice,
    reclaim,
    slow,  // a straggler's factor begins or ends
    upgrade,
    plan,       // the turn of the planner of both kinds of workers
    transfers,  // the network between prefill and decode workers
    lease,      // KV that a prefill worker keeps no longer
  };
  Kind kind = Kind::decide;
  std::uint32_t pool = 0;
  std::uint32_t number = 0;       // place, node, zone, outage, straggler, or slot
  std::uint32_t incarnation = 0;  // of the place; a row about another one is void
  std::uint8_t domain = 0;        // FaultKind
  bool begins = false;            // of slow
};

class FleetEvents {
 public:
  std::uint32_t add(const FleetEvent& event) {
    if (unused_.empty()) {
      rows_.push_back(event);
      return static_cast<std::uint32_t>(rows_.size() - 1);
    }
    const std::uint32_t row = unused_.back();
    unused_.pop_back();
    rows_[row] = event;
    return row;
  }
  FleetEvent take(std::uint32_t row) {
    unused_.push_back(row);
    return rows_[row];
  }

 private:
  std::vector<FleetEvent> rows_;
  std::vector<std::uint32_t> unused_;
};

}  // namespace eph::sim
