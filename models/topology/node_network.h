#pragma once
// What a step model needs to know of the network between the nodes of one replica.
#include "models/parallelism.h"

namespace eph::models {

// Moving n bytes takes latency_s + n / bytes_per_s.
struct LinkCost {
  double latency_s = 0;
  double bytes_per_s = 0;

  friend bool operator==(const LinkCost&, const LinkCost&) = default;
};

struct NodeNetwork {
  int gpus_per_node = 8;
  LinkCost remote;  // of one GPU, while all of its node send

  friend bool operator==(const NodeNetwork&, const NodeNetwork&) = default;
};

// Of `bytes` that each of `nodes` ranks on as many nodes holds: the faster of ring and tree (MODEL
// eq. 46); 0 for one node.
[[nodiscard]] double remote_all_reduce_seconds(const LinkCost& remote, int nodes, double bytes);

// Of the steps from one pipeline stage to the next, those in which some rank's partner is on
// another node. Ranks fill nodes stage after stage.
[[nodiscard]] int hops_between_nodes(const Parallelism& layout, int gpus_per_node);

}  // namespace eph::models
