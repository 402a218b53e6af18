#pragma once
// Knative Pod Autoscaler (KPA).
#include <optional>
#include <vector>

#include "sim/autoscale/autoscaler.h"
#include "sim/autoscale/load_history.h"

namespace eph::sim {

// knative/serving pkg/autoscaler/scaling/autoscaler.go (@98e5ef90): every tick the mean concurrency
// over a stable window, or the larger of that and a short panic window's while it asks for twice
// what is there. The load includes what waits in the activator.
class Knative final : public Autoscaler {
 public:
  explicit Knative(const KnativeOptions& options);
  void observe(SimTime now, const FleetLoad& load) override;
  [[nodiscard]] SimTime next() const override { return next_; }
  [[nodiscard]] int decide(SimTime now) override;

 private:
  [[nodiscard]] int from_windows(SimTime now);
  [[nodiscard]] int delayed(SimTime now, int wanted);
  [[nodiscard]] int to_zero(SimTime now, int wanted);

  KnativeOptions options_;
  double target_ = 0;
  Duration panic_window_{};
  LoadHistory history_;
  double ready_ = 0;
  bool started_ = false;
  SimTime begin_{}, next_ = SimTime::never();
  SimTime panic_since_ = SimTime::never();  // never: stable mode
  int panic_most_ = 0;
  struct Wanted {
    SimTime at;
    int replicas = 0;
  };
  std::vector<Wanted> recent_;  // within the scale-down delay
  SimTime idle_since_ = SimTime::never();
  int last_ = 0;
};

}  // namespace eph::sim
