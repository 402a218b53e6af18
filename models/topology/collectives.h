#pragma once
// Times of collective operations from a cluster's rates and latencies. docs/MODEL.md,
// "Collectives".
#include <cstdint>

#include "models/topology/cluster_spec.h"
#include "models/topology/node_network.h"

namespace eph::models {

// Ranks of a group: the same number on each of its nodes, one a GPU.
struct CollectiveGroup {
  int nodes = 1;
  int ranks_per_node = 1;
  [[nodiscard]] int ranks() const { return nodes * ranks_per_node; }
};

// What one rank reaches, in one direction, while every rank of the group sends. `remote` holds the
// share of the node's cards and of oversubscribed uplinks; zero for one node.
struct GroupNetwork {
  CollectiveGroup group;
  LinkCost local, remote;
  bool switch_reduces = false;  // NVLink SHARP: the NVSwitch adds up
};
// Requires a group that the spec's nodes hold, and a network if it has several nodes.
[[nodiscard]] GroupNetwork group_network(const ClusterSpec& spec, CollectiveGroup group);

// As StepContext::network of a replica of `gpus` GPUs that fills such nodes. Usage error when it
// needs several nodes and they have no network.
[[nodiscard]] Result<NodeNetwork> node_network(const ClusterSpec& spec, int gpus);

enum class AllReduce : std::uint8_t { ring, tree, two_level, in_switch };

// Seconds; 0 for one rank. `bytes` is what each rank holds before (all-reduce, reduce-scatter,
// all-to-all) or after (all-gather). in_switch needs switch_reduces and one node.
[[nodiscard]] double all_reduce_seconds(const GroupNetwork& net, AllReduce algorithm, double bytes);
[[nodiscard]] double all_reduce_seconds(const GroupNetwork& net, double bytes);  // the fastest
[[nodiscard]] double all_gather_seconds(const GroupNetwork& net, double bytes);
[[nodiscard]] double reduce_scatter_seconds(const GroupNetwork& net, double bytes);
[[nodiscard]] double all_to_all_seconds(const GroupNetwork& net, double bytes);
[[nodiscard]] double point_to_point_seconds(const LinkCost& link, double bytes);

}  // namespace eph::models
