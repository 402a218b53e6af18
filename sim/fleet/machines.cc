#include "sim/fleet/machines.h"

namespace eph::sim {
namespace {

std::vector<const PoolConfig*> pools_of(const SimulationConfig& config) {
  std::vector<const PoolConfig*> out{&config};
  for (const FurtherPool& further : config.further) out.push_back(&further.pool);
  return out;
}

}  // namespace

std::unique_ptr<models::Placement> open_placement(const SimulationConfig& config) {
  const MachineOptions& machines = *config.machines;
  // Where KV moves over the network, which leaf a node hangs on counts.
  const bool networked =
      config.disaggregation && config.disaggregation->cluster->nodes() == machines.nodes;
  if (networked) return std::make_unique<models::Placement>(*config.disaggregation->cluster);
  return std::make_unique<models::Placement>(machines.nodes, machines.gpus_per_node,
                                             machines.nodes_per_rack);
}

std::vector<models::ReplicaShape> replica_shapes(const SimulationConfig& config) {
  std::vector<models::ReplicaShape> out;
  for (const PoolConfig* pool : pools_of(config)) {
    const auto shape = models::ReplicaShape::of(pool->gpus, config.machines->gpus_per_node);
    EPH_ASSERT(shape.has_value(), "replicas of {} GPUs on nodes of {}", pool->gpus,
               config.machines->gpus_per_node);
    out.push_back(*shape);
  }
  return out;
}

Result<void> check_machines(const SimulationConfig& config) {
  if (!config.machines) return {};
  const std::vector<const PoolConfig*> pools = pools_of(config);
  for (const PoolConfig* pool : pools)
    if (const auto shape = models::ReplicaShape::of(pool->gpus, config.machines->gpus_per_node);
        !shape)
      return shape.error();
  const auto shapes = replica_shapes(config);
  const auto placement = open_placement(config);
  for (std::uint32_t number = 0; number < pools.size(); ++number)
    for (int i = 0; i < pools[number]->replicas; ++i)
      if (!placement->place(shapes[number], config.machines->rule, number))
        return usage_error(
            fmt::format("replica {} of pool {} finds no machine: of {} GPUs {} are idle, but not "
                        "{} where it may stand",
                        i, pools[number]->name, placement->gpus(), placement->idle(),
                        pools[number]->gpus),
            "give more nodes, fewer replicas or another placement");
  return {};
}

}  // namespace eph::sim
