#pragma once
// What a cluster is made of, from which one of any number of nodes is built: a file of
// data/topology.
#include <string>
#include <vector>

#include "core/result.h"

namespace eph::models {

// Rates are bytes per second in one direction, nominal; what a transfer reaches is nominal times
// the efficiency beside it. Latencies are seconds one way and without the endpoints' software.
struct ClusterSpec {
  std::string name;  // "dgx-h100"
  std::string description;
  int gpus_per_node = 8;

  // Between GPUs of one node. With NVLink the network cards hang on the GPUs' own PCIe lanes;
  // without it GPUs and cards share the host's PCIe.
  bool nvlink = true;
  double scale_up_bytes_per_s = 0;  // of one GPU
  double scale_up_efficiency = 1;
  double scale_up_latency_s = 0;  // GPU to GPU

  // Out of the node. 0 cards: a node stands alone. Cards are taken together in groups: as many
  // groups as cards, but at most one a GPU (32 cards on 8 GPUs: 8 groups of 4).
  int nics_per_node = 0;
  double nic_bytes_per_s = 0;  // of one card
  double nic_efficiency = 1;
  double nic_latency_s = 0;      // through a card and its PCIe, at each end
  double collective_step_s = 0;  // what software adds to each step of a collective between nodes
  double pcie_bytes_per_s = 0;   // of one GPU (NVLink), of one group of cards (without)

  // The network: leaf switches, spines above them, cores above these where one spine plane is too
  // small. Rail-optimised: group k of every node goes to the k-th leaf of its block of nodes.
  bool rail_optimised = false;
  int leaf_ports = 64;          // of one card's rate each
  int spine_ports = 64;         // leaves under one plane of spines
  double oversubscription = 1;  // down over up at a leaf
  double switch_latency_s = 0;
  int nodes_per_rack = 4;  // for placement only

  std::vector<std::string> assumed;  // keys whose values are assumptions
  std::vector<std::string> sources;

  [[nodiscard]] int nic_groups() const {
    return nics_per_node < gpus_per_node ? nics_per_node : gpus_per_node;
  }
  [[nodiscard]] double nic_group_bytes_per_s() const;  // effective
  [[nodiscard]] double scale_up_rate() const { return scale_up_bytes_per_s * scale_up_efficiency; }
  // Nodes that one block of leaves serves; blocks under one plane of spines.
  [[nodiscard]] int nodes_per_leaf() const;
  [[nodiscard]] int leaves_per_block() const { return rail_optimised ? nic_groups() : 1; }
  [[nodiscard]] int blocks_per_pod() const;
  [[nodiscard]] double leaf_uplink_bytes_per_s() const;  // of one leaf, effective
};

// Strict: every fault of the file in one pass, with its line.
[[nodiscard]] Result<ClusterSpec> load_cluster_file(const std::string& path);

}  // namespace eph::models
