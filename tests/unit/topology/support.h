#pragma once
// Clusters with round numbers.
#include <catch2/catch.hpp>

#include "models/topology/cluster.h"

namespace eph::models {

template <class T>
T must(Result<T> result) {
  INFO((result ? std::string() : result.error().text()));
  REQUIRE(result.has_value());
  return std::move(result).value();
}

// 4 GPUs and 4 cards a node, 2 nodes under a leaf of 4 ports, 2 blocks (8 leaves) under a plane of
// spines: nodes 0 to 3 are one pod.
inline ClusterSpec small_spec() {
  ClusterSpec s;
  s.name = "small";
  s.gpus_per_node = 4;
  s.scale_up_bytes_per_s = 400e9;
  s.scale_up_latency_s = 1e-6;
  s.nics_per_node = 4;
  s.nic_bytes_per_s = 50e9;
  s.nic_latency_s = 1.5e-6;
  s.pcie_bytes_per_s = 64e9;
  s.rail_optimised = true;
  s.leaf_ports = 4;
  s.spine_ports = 8;
  s.switch_latency_s = 0.5e-6;
  return s;
}

}  // namespace eph::models
