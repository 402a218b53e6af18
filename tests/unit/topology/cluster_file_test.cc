#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "models/catalog.h"
#include "tests/unit/topology/support.h"

using namespace eph;
using namespace eph::models;

namespace {

const Catalog kCatalog(EPH_SOURCE_DIR "/data");

std::string faults_of(const std::string& text) {
  const std::string path = std::string(EPH_TEST_OUT) + "/cluster.json";
  std::filesystem::create_directories(EPH_TEST_OUT);
  std::ofstream(path) << text;
  const auto read = load_cluster_file(path);
  REQUIRE_FALSE(read.has_value());
  return read.error().text();
}

}  // namespace

TEST_CASE("every shipped topology reads, builds and reaches what its page says a node has") {
  const auto names = must(kCatalog.topology_names());
  CHECK(names.size() >= 7);
  for (const std::string& name : names) {
    CAPTURE(name);
    const ClusterSpec spec = must(kCatalog.topology(name));
    CHECK(spec.name == name);
    const Cluster cluster = must(Cluster::build(spec, spec.nics_per_node == 0 ? 1 : 300));
    CHECK(cluster.gpus() == cluster.nodes() * spec.gpus_per_node);
  }
  // Gb/s a node, from the providers' pages.
  const auto node_gbit = [](const char* name) {
    const ClusterSpec s = must(kCatalog.topology(name));
    return s.nics_per_node * s.nic_bytes_per_s * 8e-9;
  };
  CHECK(node_gbit("dgx-h100") == Approx(3200));
  CHECK(node_gbit("azure-ndv5") == Approx(3200));
  CHECK(node_gbit("aws-p5") == Approx(3200));
  CHECK(node_gbit("gcp-a3-mega") == Approx(1600));
  CHECK(node_gbit("gcp-a3-high") == Approx(800));
  CHECK(node_gbit("ethernet-100g") == Approx(100));
  CHECK(must(kCatalog.topology("dgx-h100")).nodes_per_leaf() == 32);  // a SuperPOD's scalable unit
  CHECK_FALSE(kCatalog.topology("dgx-h101").has_value());
}

TEST_CASE("faults of a topology file are all told, with line and remedy") {
  const std::string text = faults_of(R"({
  "version": 1, "name": "x", "description": "d",
  "gpus_per_node": 8, "nvlink": true, "scale_up_bandwidth": 450, "scale_up_efficiency": 0.8,
  "scale_up_latency": "1 us", "nics_per_node": 0, "nodes_per_rack": 4,
  "assumed": ["nic_latencey"], "sources": [], "railoptimised": true
})");
  CHECK(text.find(":3:") != std::string::npos);
  CHECK(text.find("/scale_up_bandwidth") != std::string::npos);
  CHECK(text.find("\"nic_latencey\" is no key of this file; did you mean \"nic_latency\"?") !=
        std::string::npos);
  CHECK(text.find("railoptimised") != std::string::npos);
  const std::string network =
      R"("nic_bandwidth": "400 Gb/s", "nic_efficiency": 1, "nic_latency": "1 us",
    "pcie_bandwidth": "64 GB/s", "switch_latency": "1 us", "collective_step": "1 us", "oversubscription": 1, "spine_ports": 64,)";
  const std::string head =
      R"({"version": 1, "name": "x", "description": "d", "gpus_per_node": 8, "nvlink": true,
    "scale_up_bandwidth": "450 GB/s", "scale_up_efficiency": 1, "scale_up_latency": "1 us", "nodes_per_rack": 4,
    "assumed": [], "sources": [],)";
  CHECK(
      faults_of(head + network + R"("nics_per_node": 3, "leaf_ports": 64, "rail_optimised": true})")
          .find("3 cards do not divide evenly over 8 GPUs") != std::string::npos);
  CHECK(
      faults_of(head + network + R"("nics_per_node": 8, "leaf_ports": 8, "rail_optimised": false})")
          .find("8 ports hold no node") != std::string::npos);
}
