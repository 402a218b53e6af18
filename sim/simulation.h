#pragma once
// The discrete-event engine: one event per iteration, in integer nanoseconds.
#include <functional>
#include <memory>
#include <vector>

#include "core/result.h"
#include "sim/config.h"
#include "sim/metrics.h"
#include "sim/metrics_sink.h"
#include "sim/slo.h"
#include "workload/load.h"

namespace eph::sim {

// Called now and then with the simulated time and the requests ended so far; returning false stops
// the run as if the horizon had been reached.
using Progress = std::function<bool(SimTime now, std::uint64_t ended)>;

struct RunOptions {
  std::vector<Slo> slos;        // for goodput and SLO outcomes
  MetricsSink* sink = nullptr;  // borrowed; sees every request (and step, if it wants)
  Progress progress;            // may be empty
};

// What makes a config impossible: an error of kind usage.
[[nodiscard]] Result<void> check(const SimulationConfig& config);

// Owns the state of one run; no statics, so runs may go on in parallel, one thread each.
// Contract: same config, load and options give the same summary and digest on any machine with the
// same build (INV-8). The error is the load's (a broken trace), or a usage error for a config that
// cannot run.
class Simulation {
 public:
  explicit Simulation(SimulationConfig config);
  ~Simulation();
  [[nodiscard]] Result<RunSummary> run(workload::Load& load, const RunOptions& options);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace eph::sim
