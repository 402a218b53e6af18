#pragma once
// What a sweep keeps of one simulation: little enough to be stored, sent, and held for every point.
#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/fleet_report.h"
#include "sim/metrics.h"

namespace eph::app {

struct RunRecord {
  static constexpr std::array<const char*, 5> kCounts{"requests", "finished", "rejected",
                                                      "cancelled", "unfinished"};

  // Of fleets that change, but the last two of all: GPU-hours (of CPU pools instance-hours) and
  // what they cost, below 0 where a price is not known.
  static constexpr std::array<const char*, 6> kFleet{"shed",   "lost",      "retries",
                                                     "starts", "gpu_hours", "cost_usd"};

  bool saturated = false, slos_met = true;
  bool changes = false;  // it is such a fleet
  std::array<double, kFleet.size()> fleet{};
  std::array<double, kCounts.size()> counts{};
  double mean_prompt = 0, mean_output = 0;  // tokens, of finished requests; 0 when none finished
  std::vector<double> figures;              // by run_figures()
  std::vector<std::string> warnings;        // of the workload and the fleet
};

[[nodiscard]] RunRecord record_of(const sim::RunSummary& run, std::vector<std::string> warnings,
                                  const Spending& spending);
[[nodiscard]] std::string encode(const RunRecord& record);
// Nothing when encode() did not make it.
[[nodiscard]] std::optional<RunRecord> decode_run(const std::string& text);

}  // namespace eph::app
