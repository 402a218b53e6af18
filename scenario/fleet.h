#pragma once
// From a deployment's life as the user says it to what the simulation needs.
#include <string_view>

#include "core/result.h"
#include "models/catalog.h"
#include "scenario/assemble.h"
#include "scenario/fleet_spec.h"
#include "scenario/scenario.h"
#include "sim/config.h"

namespace eph::scenario {

inline constexpr int kGpusOfANode = 8;  // where no topology is named

// "30 s", or "30 s / 60 s": median and 95th percentile.
[[nodiscard]] Result<sim::Spread> parse_spread(std::string_view text);
// "node 0 at 10 min for 5 min"; also gpu (of one replica) and zone.
[[nodiscard]] Result<sim::Outage> parse_outage(std::string_view text);
// "replica 3 x 1.5 from 10 min to 20 min"; from and to may be left out.
[[nodiscard]] Result<sim::Straggler> parse_straggler(std::string_view text);

// The prefill workers' deployment, and where on the cluster they begin: GPUs are counted through its
// nodes. Require disaggregation.
[[nodiscard]] DeploymentSpec prefill_deployment(const Scenario& scenario);
[[nodiscard]] int first_prefill_gpu(const Scenario& scenario, int gpus_per_node);

// GPUs at the start, of all pools.
[[nodiscard]] int total_gpus(const Scenario& scenario);

// Everything that a run of `scenario` needs besides its load. Warnings say what is assumed about
// starts.
struct RunConfig {
  sim::SimulationConfig config;
  std::vector<std::string> warnings;
};
[[nodiscard]] Result<RunConfig> run_config(const models::Catalog& catalog, const Scenario& scenario,
                                           const Assembly& assembly, std::uint64_t run);

}  // namespace eph::scenario
