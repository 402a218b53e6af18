#pragma once
// What a sweep keeps of one simulation: little enough to be stored, sent, and held for every point.
#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/fleet_figures.h"
#include "sim/metrics.h"

namespace eph::app {

struct RunRecord {
  static constexpr std::array<const char*, 5> kCounts{"requests", "finished", "rejected",
                                                      "cancelled", "unfinished"};

  bool saturated = false, slos_met = true;
  bool changes = false;  // it is a fleet whose replicas come and go, or of several pools
  FleetFigures fleet{};
  std::array<double, kCounts.size()> counts{};
  double mean_prompt = 0, mean_output = 0;  // tokens, of finished requests; 0 when none finished
  std::vector<double> figures;              // by run_figures()
  std::vector<std::string> warnings;        // of the workload and the fleet
  std::string problem;  // why it could not be simulated; then nothing else holds
};

[[nodiscard]] RunRecord record_of(const sim::RunSummary& run, std::vector<std::string> warnings,
                                  const FleetFigures& fleet);
[[nodiscard]] std::string encode(const RunRecord& record);
// Nothing when encode() did not make it.
[[nodiscard]] std::optional<RunRecord> decode_run(const std::string& text);

}  // namespace eph::app
