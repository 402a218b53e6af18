#pragma once
// Receives what happened, in simulated order.
#include "sim/records.h"

namespace eph::sim {

// Contract: on_request is called once per request taken from the load: when it ends, or at the end
// of the run for what is unfinished (in request order). on_step is called at a step's end, and only
// if wants_steps(), on_stop only if wants_stops(). Nothing may call back into the simulation.
class MetricsSink {
 public:
  virtual ~MetricsSink() = default;
  virtual void on_request(const RequestRecord& record) = 0;
  [[nodiscard]] virtual bool wants_steps() const { return false; }
  virtual void on_step(const StepRecord&) {}
  // Of every request, in order of time.
  [[nodiscard]] virtual bool wants_stops() const { return false; }
  virtual void on_stop(const RequestStop&) {}
};

}  // namespace eph::sim
