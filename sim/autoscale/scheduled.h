#pragma once
// Replicas by the clock: fixed, or from a time table.
#include <utility>

#include "sim/autoscale/autoscaler.h"

namespace eph::sim {

// Decides at each entry of its table; one that never changes decides never.
class Scheduled final : public Autoscaler {
 public:
  explicit Scheduled(ScheduledOptions options) : options_(std::move(options)) {}
  void observe(SimTime now, const FleetLoad& load) override;
  [[nodiscard]] SimTime next() const override { return next_; }
  [[nodiscard]] int decide(SimTime now) override;

 private:
  void advance();

  ScheduledOptions options_;
  bool started_ = false;
  SimTime begin_{}, next_ = SimTime::never();
  std::size_t entry_ = 0;  // the next one
  std::int64_t round_ = 0;
};

}  // namespace eph::sim
