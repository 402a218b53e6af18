#pragma once
// What `simulate` prints: tables for people, JSON for machines.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/fleet_report.h"
#include "app/intervals.h"
#include "core/json_doc.h"
#include "scenario/assemble.h"
#include "scenario/scenario.h"
#include "sim/metrics.h"

namespace eph::app {

struct SimulateReport {
  const scenario::Scenario* scenario = nullptr;
  const scenario::Assembly* assembly = nullptr;
  std::string workload;               // description
  std::vector<std::string> warnings;  // of deployment and workload
  std::vector<sim::RunSummary> runs;  // in run order; at least one
  double series_interval_s = 1;
  std::vector<PoolTerms> terms;  // by pool
  // Only with --timing: results do not depend on the machine otherwise.
  struct Timing {
    double wall_s = 0;
  };
  const Timing* timing = nullptr;
};

// Of what several runs of a fleet say, as far as all of them do; empty for other deployments.
[[nodiscard]] std::vector<std::pair<std::string, Interval>> fleet_intervals(
    const SimulateReport& report);

[[nodiscard]] std::string simulate_text(const SimulateReport& report);
[[nodiscard]] Json simulate_json(const SimulateReport& report);
// time_s, waiting, running, kv_used, preemptions, finished, and for a fleet that changes ready,
// held and gateway; of several pools NAME:ready and so on for each. One row a sample.
[[nodiscard]] std::string series_csv(const sim::RunSummary& run);

}  // namespace eph::app
