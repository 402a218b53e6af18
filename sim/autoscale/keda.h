#pragma once
// KEDA: from none to one and back; beyond that its HPA.
#include "sim/autoscale/hpa.h"

namespace eph::sim {

// keda pkg/scaling/executor (ScaleExecutor). Polls before the HPA when both fall together.
class Keda final : public Autoscaler {
 public:
  explicit Keda(const KedaOptions& options);
  void observe(SimTime now, const FleetLoad& load) override;
  [[nodiscard]] SimTime next() const override { return std::min(poll_, hpa_.next()); }
  [[nodiscard]] int decide(SimTime now) override;

 private:
  void poll(SimTime now);

  KedaOptions options_;
  Hpa hpa_;
  FleetLoad load_;
  bool started_ = false;
  SimTime begin_{}, poll_ = SimTime::never(), last_active_{};
};

}  // namespace eph::sim
