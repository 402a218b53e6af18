#pragma once
// A serverless platform's container pool, in the manner of Modal.
#include <vector>

#include "sim/autoscale/autoscaler.h"

namespace eph::sim {

// modal.com/docs/guide/scale, /guide/concurrent-inputs: containers for all inputs at once, some
// more while there is any load, and each goes after it has been idle for a while. The
// lowest-numbered ones are filled first; a container's idle clock runs from its last busy moment,
// or its start.
class Serverless final : public Autoscaler {
 public:
  explicit Serverless(const ServerlessOptions& options) : options_(options) {}
  void observe(SimTime now, const FleetLoad& load) override;
  [[nodiscard]] SimTime next() const override { return next_; }
  [[nodiscard]] int decide(SimTime now) override;

 private:
  [[nodiscard]] int needed() const;
  void mark_busy(SimTime now);

  ServerlessOptions options_;
  FleetLoad load_;
  bool started_ = false;
  SimTime next_ = SimTime::never();
  std::vector<SimTime> busy_until_;  // by container: its last busy moment, or its start
  int was_needed_ = 0;               // since the last observation
};

}  // namespace eph::sim
