#pragma once
// The progress of simulation runs on a terminal.
#include <atomic>
#include <cstdint>

#include "app/progress.h"
#include "models/catalog.h"
#include "scenario/scenario.h"
#include "sim/simulation.h"

namespace eph::app {

// Thread safe. Where stderr is a terminal the requests of open arrivals are counted once beforehand
// (up to a million, a fraction of a second), so that a bar can be drawn.
class RunWatcher {
 public:
  RunWatcher(const models::Catalog& catalog, const scenario::Scenario& scenario);
  // What the run calls; empty where nothing would be shown.
  [[nodiscard]] sim::Progress of_run();
  void run_ended() { ++done_; }

 private:
  [[nodiscard]] double share(SimTime now, std::uint64_t ended) const;

  ProgressLine line_;
  std::atomic<int> done_{0};
  int runs_;
  std::uint64_t requests_ = 0;  // of one run; 0: not known
  double duration_s_ = 0;       // of one run; 0: not known
};

}  // namespace eph::app
