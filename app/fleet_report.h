#pragma once
// What became of a fleet's replicas, for people and for machines.
#include <optional>
#include <string>
#include <vector>

#include "core/json_doc.h"
#include "models/catalog.h"
#include "models/price_book.h"
#include "scenario/assemble.h"
#include "scenario/scenario.h"
#include "sim/metrics.h"

namespace eph::app {

// What a pool's machines are and cost.
struct PoolTerms {
  bool cpu = false;                    // instances without GPUs
  std::optional<models::Price> price;  // of a GPU-hour or an instance-hour; none: not known
};
// Of the deployment and its further pools, in their order.
[[nodiscard]] std::vector<PoolTerms> pool_terms(const models::Catalog& catalog,
                                                const scenario::Scenario& scenario,
                                                const scenario::Assembly& assembly);

// What a run paid for: machines of all pools, their cost where every price is known.
struct Spending {
  double gpu_hours = 0;  // of CPU pools: instance-hours
  std::optional<double> usd;
};
[[nodiscard]] Spending spending_of(const sim::RunSummary& run, const scenario::Scenario& scenario,
                                   const std::vector<PoolTerms>& terms);

[[nodiscard]] Json latency_json(const sim::LatencySample& sample);

// Require run.fleet, and terms for each of its pools.
[[nodiscard]] std::string fleet_text(const sim::RunSummary& run,
                                     const std::vector<PoolTerms>& terms);
[[nodiscard]] Json fleet_json(const sim::RunSummary& run, const std::vector<PoolTerms>& terms);

// Whose deployment and replicas a pool has: of the first one, of prefill workers, of further pools.
struct PoolPart {
  std::string name;
  scenario::DeploymentSpec deployment;
  const scenario::Assembly* assembly = nullptr;
};
[[nodiscard]] std::vector<PoolPart> pool_parts(const scenario::Scenario& scenario,
                                               const scenario::Assembly& assembly);

// At the start, of all pools.
struct Machines {
  int gpus = 0, instances = 0;  // the second without GPUs
};
[[nodiscard]] Machines machines_of(const std::vector<PoolPart>& parts);

}  // namespace eph::app
