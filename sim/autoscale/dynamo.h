#pragma once
// NVIDIA Dynamo's planner: prefill and decode workers apart.
#include "sim/autoscale/autoscaler.h"
#include "sim/autoscale/load_history.h"

namespace eph::sim {

// dynamo docs/architecture/{sla_planner,load_planner}.md (@19d1fc5e), components/planner defaults.
// SLA-based: requests of the last interval are those of the next (constant predictor). Load-based:
// one worker up or down at a time. The GPU budget clips both kinds in proportion.
class Dynamo final : public Autoscaler {
 public:
  explicit Dynamo(const DynamoOptions& options) : options_(options) {}
  // The workers that there are at the start, after the first observation; else half of what is
  // ready is of each kind.
  void begin_with(int prefill, int decode) {
    prefill_ = prefill;
    decode_ = decode;
  }
  void observe(SimTime now, const FleetLoad& load) override;
  [[nodiscard]] SimTime next() const override { return next_; }
  // Prefill and decode workers together.
  [[nodiscard]] int decide(SimTime now) override;

  [[nodiscard]] int prefill() const { return prefill_; }
  [[nodiscard]] int decode() const { return decode_; }

 private:
  void plan_by_sla(SimTime now);
  void plan_by_load();
  void keep_budget();
  [[nodiscard]] Duration interval() const {
    return options_.mode == DynamoOptions::Mode::sla ? options_.adjustment_interval
                                                     : options_.load_interval;
  }

  DynamoOptions options_;
  LoadHistory rate_;
  FleetLoad load_;
  bool started_ = false;
  SimTime next_ = SimTime::never();
  int prefill_ = 0, decode_ = 0;
  int since_new_decode_ = 0;  // intervals
  double last_queue_ = 0;
};

}  // namespace eph::sim
