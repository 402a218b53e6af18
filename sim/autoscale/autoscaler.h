#pragma once
// How many replicas a fleet should have: the rules of real autoscalers, fed with the fleet's load.
#include <memory>
#include <variant>

#include "core/result.h"
#include "core/time.h"
#include "sim/autoscale/options.h"

namespace eph::sim {

// The fleet at one instant. Holds until the next one is observed.
struct FleetLoad {
  double in_flight = 0;  // requests running on replicas
  double queued = 0;     // requests waiting, in front of replicas or inside
  double ready = 0;      // replicas that serve
  double rps = 0;        // requests/s that arrive
  double kv_usage = 0;   // share of the KV cache in use, mean of the replicas; 0..1

  [[nodiscard]] double load() const { return in_flight + queued; }
};

// Contract:
//  - observe comes in the order of time; the first one comes before next() is asked for and sets
//  the
//    clock: decisions fall at that time + k * period, k >= 1. What is observed at the time of a
//    decision is seen by it
//  - decide requires now == next() and returns the replicas wanted from then on
class Autoscaler {
 public:
  virtual ~Autoscaler() = default;
  virtual void observe(SimTime now, const FleetLoad& load) = 0;
  [[nodiscard]] virtual SimTime next() const = 0;
  [[nodiscard]] virtual int decide(SimTime now) = 0;
};

// A usage error for options that make no sense together (minimum above maximum, no target).
[[nodiscard]] Result<void> check(const AutoscalerOptions& options);
// Requires check(options).
[[nodiscard]] std::unique_ptr<Autoscaler> make_autoscaler(const AutoscalerOptions& options);

}  // namespace eph::sim
