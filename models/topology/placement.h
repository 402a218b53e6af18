#pragma once
// Which GPUs a replica gets: nodes are filled, freed and filled again while a run goes on.
#include <cstdint>
#include <optional>
#include <vector>

#include "models/topology/cluster.h"

namespace eph::models {

enum class PlacementPolicy : std::uint8_t {
  pack,    // best fit: the node with the fewest idle GPUs that suffice
  spread,  // the node with the most idle GPUs
};
// Replicas of one group (a pool) never share a node, or a rack.
enum class AntiAffinity : std::uint8_t { none, node, rack };

struct ReplicaShape {
  int nodes = 1;
  int gpus_per_node = 1;  // on each of them

  // Of `gpus` ranks on nodes of `gpus_per_node`: one node if it suffices, else whole nodes' worth,
  // spread evenly; usage error when they do not divide.
  [[nodiscard]] static Result<ReplicaShape> of(int gpus, int gpus_per_node);
};

struct PlacementRule {
  PlacementPolicy policy = PlacementPolicy::pack;
  AntiAffinity anti_affinity = AntiAffinity::none;
};

// The GPUs of one replica, rank after rank, node after node.
struct Allocation {
  std::vector<GpuAt> gpus;
  std::uint32_t group = 0;
};

// Contract: no GPU is in two allocations; idle + given + out = all GPUs. Ties go to the lowest node
// and GPU number, so the same calls give the same GPUs. A replica of several nodes is put under one
// leaf block where one has room, else over any nodes. Each call looks at every node once.
class Placement {
 public:
  explicit Placement(const Cluster& cluster);
  // Plain nodes, all under one leaf.
  Placement(int nodes, int gpus_per_node, int nodes_per_rack = 1);

  // nullopt when no nodes suffice now.
  [[nodiscard]] std::optional<Allocation> place(ReplicaShape shape, PlacementRule rule,
                                                std::uint32_t group);
  // Requires an allocation of place() that was not released yet.
  void release(const Allocation& allocation);

  // A node that is out gives no GPU to new replicas; those on it stay until released.
  void set_out(int node, bool out);

  [[nodiscard]] int gpus() const { return static_cast<int>(nodes_.size()) * gpus_per_node_; }
  [[nodiscard]] int idle() const;  // on nodes that are not out
  [[nodiscard]] int given() const { return given_; }
  [[nodiscard]] int out() const;  // idle GPUs of nodes that are out
  // Idle GPUs that would stay idle if replicas of that shape took all they can, anti-affinity
  // aside.
  [[nodiscard]] int stranded(ReplicaShape shape) const;

 private:
  struct Node {
    std::uint64_t busy = 0;  // bit by GPU
    int idle = 0;
    int rack = 0, block = 0;
    bool out = false;
  };
  struct Held {
    std::uint32_t group = 0;
    int node = 0, rack = 0;
  };
  [[nodiscard]] std::vector<int> suitable(ReplicaShape shape, PlacementRule rule,
                                          std::uint32_t group) const;
  // The nodes to take out of those that suit, in order of preference; too few when none suffice.
  [[nodiscard]] std::vector<int> choose(std::vector<int> nodes, int wanted,
                                        PlacementPolicy policy) const;

  std::vector<Node> nodes_;
  int gpus_per_node_;
  int given_ = 0;
  std::vector<Held> held_;  // one a node of each allocation
};

}  // namespace eph::models
