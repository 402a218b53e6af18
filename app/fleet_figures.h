#pragma once
// The single numbers of a fleet in one run, by name: what intervals over runs and sweeps share.
#include <array>
#include <limits>
#include <span>

#include "app/fleet_report.h"
#include "sim/metrics.h"

namespace eph::app {

struct FleetFigure {
  const char* key;
  double most = std::numeric_limits<double>::infinity();  // it can be; none is below 0
};
// availability: the share of requests that were neither shed nor lost, nor waited in the gateway in
// vain. mean_ready: replicas of all pools. gpu_hours: of CPU pools instance-hours.
inline constexpr std::array<FleetFigure, 10> kFleetFigures{{{"shed"},
                                                            {"lost"},
                                                            {"retries"},
                                                            {"availability", 1},
                                                            {"starts"},
                                                            {"drained"},
                                                            {"deaths"},
                                                            {"mean_ready"},
                                                            {"gpu_hours"},
                                                            {"cost_usd"}}};

// None where no request was sent.
[[nodiscard]] std::optional<double> availability(const sim::RunSummary& run);

// By kFleetFigures; below 0: not known, as a cost without a price.
using FleetFigures = std::array<double, kFleetFigures.size()>;
[[nodiscard]] FleetFigures fleet_figures(const sim::RunSummary& run,
                                         const scenario::Scenario& scenario,
                                         const std::vector<PoolTerms>& terms);

// The values of figure `f` in all runs; empty when one does not know it.
[[nodiscard]] std::vector<double> known_values(std::span<const FleetFigures> runs, std::size_t f);

}  // namespace eph::app
