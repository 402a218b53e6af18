#include "models/topology/cluster.h"

#include <catch2/catch.hpp>
#include <numeric>

#include "tests/unit/topology/support.h"

using namespace eph;
using namespace eph::models;

TEST_CASE("links and latencies of routes are those counted by hand") {
  const Cluster cluster = must(Cluster::build(small_spec(), 6));
  SECTION("the same GPU needs none") { CHECK(cluster.route({1, 2}, {1, 2}).count == 0); }
  SECTION("inside a node: up to the NVSwitch and down") {
    const Route r = cluster.route({1, 0}, {1, 3});
    CHECK(r.count == 2);
    CHECK(r.latency_s == Approx(1e-6));
    CHECK(r.bytes_per_s == 400e9);
  }
  SECTION("same rail, same leaf: GPU, card, leaf, card, GPU") {
    const Route r = cluster.route({0, 2}, {1, 2});
    CHECK(r.count == 4);
    CHECK(r.latency_s == Approx(2 * 1.5e-6 + 0.5e-6));  // two cards, one switch
    CHECK(r.bytes_per_s == 50e9);
  }
  SECTION("other rail: through the spine, since that is as fast as NVLink and shorter or equal") {
    const Route r = cluster.route({0, 0}, {1, 1});
    // Through leaf, spine, leaf: 3 switches, 6 links. Over NVLink to the other rail's GPU: one
    // switch and 1 us, 6 links. Both 1.5 us of switching: either has the same figures.
    CHECK(r.count == 6);
    CHECK(r.latency_s == Approx(2 * 1.5e-6 + 1.5e-6));
  }
  SECTION("other block: leaf, spine, leaf") {
    const Route r = cluster.route({0, 0}, {2, 0});
    CHECK(r.count == 6);
    CHECK(r.latency_s == Approx(2 * 1.5e-6 + 3 * 0.5e-6));
  }
  SECTION("other pod: leaf, spine, core, spine, leaf") {
    const Route r = cluster.route({0, 0}, {5, 0});
    CHECK(r.count == 8);
    CHECK(r.latency_s == Approx(2 * 1.5e-6 + 5 * 0.5e-6));
  }
  SECTION("the rates of shared links") {
    // A leaf's uplinks carry what its 2 nodes can send: 100 GB/s; a pod's 8 leaves 800 GB/s.
    const Route r = cluster.route({0, 0}, {5, 0});
    CHECK(cluster.bytes_per_s(r.ids[2]) == 100e9);
    CHECK(cluster.bytes_per_s(r.ids[3]) == 800e9);
  }
}

TEST_CASE("oversubscription halves the uplinks of a leaf and leaves room for more nodes under it") {
  ClusterSpec s = small_spec();
  s.leaf_ports = 6;
  s.oversubscription = 2;  // 4 ports down, 2 up
  CHECK(s.nodes_per_leaf() == 4);
  CHECK(s.leaf_uplink_bytes_per_s() == Approx(100e9));
}

TEST_CASE("cards that GPUs share and cards taken together give the rates of their groups") {
  ClusterSpec s = small_spec();
  s.nics_per_node = 2;  // two GPUs a card
  CHECK(s.nic_groups() == 2);
  const Cluster shared = must(Cluster::build(s, 2));
  CHECK(shared.route({0, 0}, {1, 0}).ids[1] == shared.route({0, 1}, {1, 1}).ids[1]);
  s.nics_per_node = 16;  // four cards a GPU
  s.rail_optimised = false;
  s.leaf_ports = 64;
  CHECK(s.nic_groups() == 4);
  CHECK(s.nic_group_bytes_per_s() == 200e9);
  CHECK(s.nodes_per_leaf() == 2);
  // Then the GPU's PCIe lanes are the narrowest.
  CHECK(must(Cluster::build(s, 2)).route({0, 0}, {1, 0}).bytes_per_s == 64e9);
}

TEST_CASE("without NVLink the cards hang on the PCIe that the GPUs share") {
  ClusterSpec s = small_spec();
  s.nvlink = false;
  s.scale_up_bytes_per_s = 32e9;
  const Cluster cluster = must(Cluster::build(s, 2));
  const Route out = cluster.route({0, 1}, {1, 1}), inside = cluster.route({0, 1}, {0, 2});
  CHECK(out.bytes_per_s == 32e9);
  CHECK(out.ids[0] == inside.ids[0]);
}

TEST_CASE("routes kept per kind of pair are those that the whole cluster's graph gives") {
  ClusterSpec s = small_spec();
  const bool rails = GENERATE(true, false);
  const bool nvlink = GENERATE(true, false);
  const double over = GENERATE(1.0, 2.0);
  CAPTURE(rails, nvlink, over);
  s.rail_optimised = rails;
  s.nvlink = nvlink;
  s.oversubscription = over;
  if (!rails) s.leaf_ports = 16, s.spine_ports = 2;
  const Cluster cluster = must(Cluster::build(s, 9));
  std::vector<int> all(9);
  std::iota(all.begin(), all.end(), 0);
  const Cluster::Drawn drawn = cluster.draw(all);
  REQUIRE(drawn.graph.link_count() == cluster.link_count());
  for (int a = 0; a < 9; ++a) {
    for (int b = 0; b < 9; ++b) {
      for (int i = 0; i < 4; ++i) {
        const int j = (a + b + i) % 4;
        const Route route = cluster.route({a, i}, {b, j});
        const auto path = drawn.graph.widest_path(
            drawn.gpus[static_cast<std::size_t>(a)][static_cast<std::size_t>(i)],
            drawn.gpus[static_cast<std::size_t>(b)][static_cast<std::size_t>(j)]);
        REQUIRE(path.has_value());
        CHECK(route.bytes_per_s == path->bytes_per_s);
        CHECK(route.latency_s == Approx(path->latency_s));
        REQUIRE(static_cast<std::size_t>(route.count) == path->links.size());
        // The links are joined end to end, from the one GPU to the other.
        std::vector<Topology::Link> in_graph(cluster.link_count());
        for (Topology::Link link = 0; link < drawn.link_of.size(); ++link)
          in_graph[drawn.link_of[link]] = link;
        Topology::Vertex at = drawn.gpus[static_cast<std::size_t>(a)][static_cast<std::size_t>(i)];
        for (const LinkId id : route.links()) {
          REQUIRE(drawn.graph.source(in_graph[id]) == at);
          at = drawn.graph.target(in_graph[id]);
        }
        CHECK(at == drawn.gpus[static_cast<std::size_t>(b)][static_cast<std::size_t>(j)]);
      }
    }
  }
}

TEST_CASE("several nodes without network are refused, and so is no node") {
  ClusterSpec s = small_spec();
  s.nics_per_node = 0;
  CHECK(Cluster::build(s, 1).has_value());
  REQUIRE_FALSE(Cluster::build(s, 2).has_value());
  CHECK(Cluster::build(s, 2).error().text() ==
        "2 nodes of \"small\", which has no network; use one node or another topology");
  CHECK_FALSE(Cluster::build(small_spec(), 0).has_value());
}
