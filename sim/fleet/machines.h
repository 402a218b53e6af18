#pragma once
// The nodes that replicas are placed on, where a config counts them.
#include <memory>
#include <vector>

#include "core/result.h"
#include "models/topology/placement.h"
#include "sim/config.h"

namespace eph::sim {

// Require config.machines; the second that replicas of all pools divide over nodes.
[[nodiscard]] std::unique_ptr<models::Placement> open_placement(const SimulationConfig& config);
[[nodiscard]] std::vector<models::ReplicaShape> replica_shapes(const SimulationConfig& config);

// A usage error when the replicas that are there at the start do not find room.
[[nodiscard]] Result<void> check_machines(const SimulationConfig& config);

}  // namespace eph::sim
