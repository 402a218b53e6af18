#pragma once
// From a deployment's life as the user says it to what the simulation needs.
#include <string_view>

#include "core/result.h"
#include "models/catalog.h"
#include "models/price_book.h"
#include "scenario/assemble.h"
#include "scenario/fleet_spec.h"
#include "scenario/scenario.h"
#include "sim/config.h"

namespace eph::scenario {

inline constexpr int kGpusOfANode = 8;  // where no topology is named

// What results and outages call the deployment's own pool: "decode" beside prefill workers.
[[nodiscard]] std::string_view first_pool_name(const Scenario& scenario);

// The prefill workers' deployment, and where on the cluster they begin: GPUs are counted through
// its nodes. Require disaggregation.
[[nodiscard]] DeploymentSpec prefill_deployment(const Scenario& scenario);
[[nodiscard]] int first_prefill_gpu(const Scenario& scenario, int gpus_per_node);

// How long prefill workers keep KV that nobody reads, 0 for good.
[[nodiscard]] double kv_lease_s(const Scenario& scenario);

// What a GPU-hour of each pool costs, in their order; none where the list does not know it. An
// error: a provider or a commitment that was asked for is not in the list.
[[nodiscard]] Result<std::vector<std::optional<models::Price>>> pool_prices(
    const models::Catalog& catalog, const Scenario& scenario, const Assembly& assembly);

// Whether an autoscaler ever makes a pool of `replicas` larger or smaller; false for none. The
// count that one of a fixed size holds, if it is one.
[[nodiscard]] std::optional<int> fixed_count(const std::string& autoscaler,
                                             const std::vector<std::string>& settings,
                                             int replicas);
[[nodiscard]] bool scales(const std::string& autoscaler, const std::vector<std::string>& settings,
                          int replicas);

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
