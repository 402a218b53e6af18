#include "models/topology/collectives.h"

#include <catch2/catch.hpp>

#include "models/catalog.h"
#include "tests/unit/topology/support.h"

using namespace eph;
using namespace eph::models;

namespace {

ClusterSpec with_steps() {
  ClusterSpec s = small_spec();
  s.collective_step_s = 4e-6;
  return s;
}

}  // namespace

TEST_CASE("what a rank reaches is its share of cards, uplinks and PCIe") {
  ClusterSpec s = with_steps();
  const GroupNetwork one = group_network(s, {1, 4});
  CHECK(one.local.bytes_per_s == 400e9);
  CHECK(one.remote.bytes_per_s == 0);
  const GroupNetwork two = group_network(s, {2, 4});
  CHECK(two.remote.bytes_per_s == 50e9);
  CHECK(two.remote.latency_s == Approx(2 * 1.5e-6 + 0.5e-6 + 4e-6));  // same leaf
  CHECK(group_network(s, {3, 4}).remote.latency_s == Approx(2 * 1.5e-6 + 1.5e-6 + 4e-6));
  CHECK(group_network(s, {5, 4}).remote.latency_s == Approx(2 * 1.5e-6 + 2.5e-6 + 4e-6));
  s.nics_per_node = 2;  // two GPUs a card
  CHECK(group_network(s, {2, 4}).remote.bytes_per_s == 25e9);
  CHECK(group_network(s, {2, 1}).remote.bytes_per_s == 50e9);
  s.nics_per_node = 4;
  s.leaf_ports = 6;
  s.oversubscription = 2;  // 4 nodes under a leaf
  CHECK(group_network(s, {4, 4}).remote.bytes_per_s == 50e9);
  CHECK(group_network(s, {5, 4}).remote.bytes_per_s == 25e9);
}

// 4 ranks of 400 GB/s and 1 us, one node; 4 MB each.
TEST_CASE("collectives inside a node take what the equations give") {
  const GroupNetwork net = group_network(with_steps(), {1, 4});
  const double bytes = 4e6, unit = bytes / 400e9;
  CHECK(all_reduce_seconds(net, AllReduce::ring, bytes) == Approx(6e-6 + 1.5 * unit));
  CHECK(all_reduce_seconds(net, AllReduce::tree, bytes) == Approx(4e-6 + 2 * unit));
  CHECK(all_reduce_seconds(net, AllReduce::two_level, bytes) == Approx(6e-6 + 1.5 * unit));
  CHECK(all_reduce_seconds(net, AllReduce::in_switch, bytes) == Approx(2e-6 + 1.25 * unit));
  CHECK(all_reduce_seconds(net, bytes) == Approx(2e-6 + 1.25 * unit));
  CHECK(all_gather_seconds(net, bytes) == Approx(3e-6 + 0.75 * unit));
  CHECK(reduce_scatter_seconds(net, bytes) == Approx(3e-6 + 0.75 * unit));
  CHECK(all_to_all_seconds(net, bytes) == Approx(1e-6 + 0.75 * unit));
  CHECK(point_to_point_seconds(net.local, bytes) == Approx(1e-6 + unit));
}

// 2 nodes of 4 ranks, cards of 50 GB/s (200 a node) and 7.5 us a step.
TEST_CASE("collectives between nodes take what the equations give") {
  const GroupNetwork net = group_network(with_steps(), {2, 4});
  const double bytes = 8e6, step = 7.5e-6;
  CHECK(all_reduce_seconds(net, AllReduce::ring, bytes) ==
        Approx(14 * step + 2 * 7.0 / 8 * bytes / 200e9));
  CHECK(all_reduce_seconds(net, AllReduce::tree, bytes) ==
        Approx(2 * (step + 2e-6) + 2 * bytes / 200e9));
  // Inside: 2 (3 us + 3/4 of the bytes); between: a quarter of the bytes, ring of two.
  const double inside = 2 * (3e-6 + 0.75 * bytes / 400e9), between = 2 * step + bytes / 4 / 50e9;
  CHECK(all_reduce_seconds(net, AllReduce::two_level, bytes) == Approx(inside + between));
  CHECK(all_gather_seconds(net, bytes) ==
        Approx(step + 0.5 * bytes / 4 / 50e9 + 3e-6 + 0.75 * bytes / 400e9));
  // 4 of 8 parts go to the other node.
  CHECK(all_to_all_seconds(net, bytes) == Approx(step + 0.5 * bytes / 50e9));
}

TEST_CASE("one rank alone communicates nothing") {
  const GroupNetwork net = group_network(with_steps(), {1, 1});
  CHECK(all_reduce_seconds(net, 1e9) == 0);
  CHECK(all_gather_seconds(net, 1e9) == 0);
  CHECK(all_to_all_seconds(net, 1e9) == 0);
}

TEST_CASE("between nodes the ring moves most of large messages, the tree few bytes soon") {
  const LinkCost link{10e-6, 50e9};
  CHECK(remote_all_reduce_seconds(link, 1, 1e9) == 0);
  CHECK(remote_all_reduce_seconds(link, 2, 0) == Approx(20e-6));
  CHECK(remote_all_reduce_seconds(link, 8, 0) == Approx(60e-6));  // 3 levels up and down
  CHECK(remote_all_reduce_seconds(link, 8, 1e9) == Approx(14 * 10e-6 + 2 * 7.0 / 8 * 1e9 / 50e9));
}

TEST_CASE("more nodes never communicate faster, faster cards never slower") {
  for (const char* name : {"dgx-h100", "aws-p5", "gcp-a3-high", "ethernet-100g"}) {
    const ClusterSpec spec = must(Catalog(EPH_SOURCE_DIR "/data").topology(name));
    ClusterSpec faster = spec;
    faster.nic_bytes_per_s *= 2;
    for (const double bytes : {1e3, 1e5, 1e7, 1e9}) {
      double before = 0;
      for (const int nodes : {1, 2, 4, 8, 32, 64}) {
        CAPTURE(name, nodes, bytes);
        const GroupNetwork net = group_network(spec, {nodes, 8});
        const double time = all_reduce_seconds(net, bytes);
        CHECK(time >= before);
        before = time;
        const GroupNetwork quick = group_network(faster, {nodes, 8});
        CHECK(all_reduce_seconds(quick, bytes) <= time);
        CHECK(all_to_all_seconds(quick, bytes) <= all_to_all_seconds(net, bytes));
        CHECK(all_gather_seconds(quick, bytes) <= all_gather_seconds(net, bytes));
      }
    }
  }
}

TEST_CASE("a replica of several nodes without network is refused") {
  ClusterSpec spec = with_steps();
  CHECK(must(node_network(spec, 8)).remote.bytes_per_s == 50e9);
  spec.nics_per_node = 0;
  CHECK(must(node_network(spec, 4)).gpus_per_node == 4);
  REQUIRE_FALSE(node_network(spec, 8).has_value());
  CHECK(node_network(spec, 8).error().text() ==
        "8 GPUs need 2 nodes of \"small\", which has no network; use at most 4 GPUs a replica or "
        "another topology");
}

TEST_CASE("pipeline hops leave the node where some rank's partner is on another one") {
  CHECK(hops_between_nodes({.tensor = 8, .pipeline = 1}, 8) == 0);
  CHECK(hops_between_nodes({.tensor = 8, .pipeline = 2}, 8) == 1);
  CHECK(hops_between_nodes({.tensor = 4, .pipeline = 4}, 8) == 1);  // stages 0, 1 | 2, 3
  CHECK(hops_between_nodes({.tensor = 1, .pipeline = 16}, 8) == 1);
  CHECK(hops_between_nodes({.tensor = 16, .pipeline = 2}, 8) == 1);
  CHECK(hops_between_nodes({.tensor = 6, .pipeline = 2}, 8) == 1);  // ranks 6 to 11 lie on both
}
