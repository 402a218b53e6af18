#include "app/fleet_figures.h"

namespace eph::app {
namespace {

int replicas_of(const scenario::Scenario& scenario) {
  int out = scenario.deployment.replicas + scenario.disaggregation.replicas;
  for (const scenario::PoolSpec& pool : scenario.pools) out += pool.deployment.replicas;
  return out;
}

}  // namespace

std::optional<double> availability(const sim::RunSummary& run) {
  if (run.counts.arrived == 0) return std::nullopt;
  const std::uint64_t in_vain =
      run.counts.shed + run.counts.lost + (run.fleet ? run.fleet->never_left : 0);
  return 1 - static_cast<double>(in_vain) / static_cast<double>(run.counts.arrived);
}

FleetFigures fleet_figures(const sim::RunSummary& run, const scenario::Scenario& scenario,
                           const std::vector<PoolTerms>& terms) {
  const sim::RunCounts& c = run.counts;
  std::uint64_t retries = 0, starts = 0, drained = 0, deaths = 0;
  double ready = replicas_of(scenario);
  if (run.fleet) {
    retries = run.fleet->retries;
    ready = 0;
    for (const sim::PoolSummary& pool : run.fleet->pools) {
      starts += pool.starts;
      drained += pool.drained;
      deaths += pool.deaths;
      ready += pool.mean_ready;
    }
  }
  const Spending spending = spending_of(run, scenario, terms);
  const auto number = [](std::uint64_t n) { return static_cast<double>(n); };
  return {
      number(c.shed),     number(c.lost),           number(retries), availability(run).value_or(-1),
      number(starts),     number(drained),          number(deaths),  ready,
      spending.gpu_hours, spending.usd.value_or(-1)};
}

std::vector<double> known_values(std::span<const FleetFigures> runs, std::size_t f) {
  std::vector<double> out;
  for (const FleetFigures& run : runs) {
    if (run[f] < 0) return {};
    out.push_back(run[f]);
  }
  return out;
}

}  // namespace eph::app
