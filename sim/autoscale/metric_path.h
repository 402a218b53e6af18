#pragma once
// An autoscaler that sees its metrics late and now and then only; the number of replicas it sees at
// once.
#include <deque>

#include "sim/autoscale/autoscaler.h"

namespace eph::sim {

class DelayedMetrics final : public Autoscaler {
 public:
  DelayedMetrics(const MetricPath& path, std::unique_ptr<Autoscaler> inner)
      : path_(path), inner_(std::move(inner)) {}
  void observe(SimTime now, const FleetLoad& load) override;
  [[nodiscard]] SimTime next() const override { return inner_->next(); }
  [[nodiscard]] int decide(SimTime now) override;

 private:
  void take(SimTime at);
  void deliver(SimTime now);

  struct Sample {
    SimTime due;
    FleetLoad load;
  };
  MetricPath path_;
  std::unique_ptr<Autoscaler> inner_;
  std::deque<Sample> on_the_way_;
  FleetLoad now_, seen_;
  bool started_ = false;
  SimTime next_take_ = SimTime::never();
};

}  // namespace eph::sim
