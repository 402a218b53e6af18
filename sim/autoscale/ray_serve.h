#pragma once
// Ray Serve's request-based autoscaling.
#include "sim/autoscale/autoscaler.h"
#include "sim/autoscale/load_history.h"

namespace eph::sim {

// ray serve/_private/autoscaling_policy: the mean of ongoing requests as of the last push of
// metrics, a proportional step, applied after it has pointed the same way for a delay's worth of
// loops.
class RayServe final : public Autoscaler {
 public:
  explicit RayServe(const RayServeOptions& options) : options_(options) {}
  void observe(SimTime now, const FleetLoad& load) override;
  [[nodiscard]] SimTime next() const override { return next_; }
  [[nodiscard]] int decide(SimTime now) override;

 private:
  void push(SimTime now);
  [[nodiscard]] int desired(int running) const;
  [[nodiscard]] std::int64_t loops(Duration delay) const {
    return delay.ns / options_.control_loop.ns;
  }

  RayServeOptions options_;
  LoadHistory history_;
  FleetLoad load_;
  bool started_ = false, pushed_ = false;
  SimTime next_ = SimTime::never(), next_push_ = SimTime::never();
  double ongoing_ = 0;       // as of the last push
  int target_ = 0;           // replicas
  std::int64_t agreed_ = 0;  // loops in a row: above zero upwards, below downwards
};

}  // namespace eph::sim
