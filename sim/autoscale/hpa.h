#pragma once
// Kubernetes HorizontalPodAutoscaler.
#include <vector>

#include "sim/autoscale/autoscaler.h"

namespace eph::sim {

[[nodiscard]] double metric_of(const FleetLoad& load, LoadMetric metric);

// k8s pkg/controller/podautoscaler (autoscaling/v2): every sync period a proposal from the metric's
// total, stabilised over the recommendations of a window, limited by the policies of `behavior`.
// Its own last answer counts as the current size; at none it does nothing.
class Hpa final : public Autoscaler {
 public:
  explicit Hpa(const HpaOptions& options) : options_(options) {}
  void observe(SimTime now, const FleetLoad& load) override;
  [[nodiscard]] SimTime next() const override { return next_; }
  [[nodiscard]] int decide(SimTime now) override;

  [[nodiscard]] int current() const { return current_; }
  void set_current(int replicas) { current_ = replicas; }  // somebody else has scaled

 private:
  struct Mark {
    SimTime at;
    int replicas = 0;  // recommended, or by how many the size changed
  };
  [[nodiscard]] int proposal() const;
  [[nodiscard]] int stabilised(SimTime now, int proposed);
  [[nodiscard]] int limited(SimTime now, int wanted) const;
  [[nodiscard]] int most(SimTime now) const;
  [[nodiscard]] int fewest(SimTime now) const;

  HpaOptions options_;
  FleetLoad load_;
  bool started_ = false;
  SimTime next_ = SimTime::never();
  int current_ = 0;
  std::vector<Mark> recommendations_, added_, removed_;
};

}  // namespace eph::sim
