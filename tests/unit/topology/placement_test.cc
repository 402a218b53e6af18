#include "models/topology/placement.h"

#include <catch2/catch.hpp>
#include <set>

#include "core/rng.h"
#include "tests/unit/topology/support.h"

using namespace eph;
using namespace eph::models;

namespace {

constexpr PlacementRule kPack{}, kSpread{PlacementPolicy::spread, AntiAffinity::none};

std::vector<int> nodes_of(const Allocation& a) {
  std::set<int> nodes;
  for (const GpuAt& gpu : a.gpus) nodes.insert(gpu.node);
  return {nodes.begin(), nodes.end()};
}

}  // namespace

TEST_CASE("packing takes the fullest node that suffices, spreading the emptiest") {
  Placement nodes(3, 8);
  REQUIRE(nodes.place({1, 4}, kPack, 0)->gpus ==
          std::vector<GpuAt>{{0, 0}, {0, 1}, {0, 2}, {0, 3}});
  CHECK(nodes_of(*nodes.place({1, 2}, kPack, 0)) == std::vector<int>{0});
  CHECK(nodes_of(*nodes.place({1, 4}, kPack, 0)) == std::vector<int>{1});  // node 0 has 2 left
  CHECK(nodes_of(*nodes.place({1, 2}, kPack, 0)) == std::vector<int>{0});
  CHECK(nodes_of(*nodes.place({1, 2}, kSpread, 0)) == std::vector<int>{2});
  CHECK(nodes_of(*nodes.place({1, 2}, kSpread, 0)) == std::vector<int>{2});
  CHECK(nodes_of(*nodes.place({1, 2}, kSpread, 0)) ==
        std::vector<int>{1});  // 4 idle against 4: the lower number
}

TEST_CASE("idle GPUs that no replica of a shape can use are counted as stranded") {
  Placement nodes(3, 8);
  for (int i = 0; i < 3; ++i) REQUIRE(nodes.place({1, 5}, kSpread, 0));
  CHECK(nodes.idle() == 9);
  CHECK(nodes.stranded({1, 2}) == 3);  // 3 on each node: one of 2 fits, one GPU is left
  CHECK(nodes.stranded({1, 4}) == 9);
  CHECK(nodes.stranded({3, 1}) == 0);
  CHECK(nodes.stranded({2, 3}) == 3);  // two nodes for one replica, the third alone
  CHECK_FALSE(nodes.place({1, 4}, kPack, 0).has_value());
}

TEST_CASE("replicas of a group that avoid one another take nodes or racks of their own") {
  Placement nodes(4, 8, 2);  // racks {0, 1} and {2, 3}
  const PlacementRule by_node{PlacementPolicy::pack, AntiAffinity::node};
  const PlacementRule by_rack{PlacementPolicy::pack, AntiAffinity::rack};
  CHECK(nodes_of(*nodes.place({1, 1}, by_node, 1)) == std::vector<int>{0});
  CHECK(nodes_of(*nodes.place({1, 1}, by_node, 1)) == std::vector<int>{1});
  CHECK(nodes_of(*nodes.place({1, 1}, by_node, 2)) == std::vector<int>{0});  // another group
  const auto other_rack = nodes.place({1, 1}, by_rack, 1);
  CHECK(nodes_of(*other_rack) == std::vector<int>{2});
  CHECK_FALSE(nodes.place({1, 1}, by_rack, 1).has_value());
  nodes.release(*other_rack);
  CHECK(nodes_of(*nodes.place({1, 1}, by_rack, 1)) == std::vector<int>{2});
}

TEST_CASE("a replica of several nodes stays under one leaf block where one has room") {
  const Cluster cluster = must(Cluster::build(small_spec(), 6));  // blocks {0, 1}, {2, 3}, {4, 5}
  Placement nodes(cluster);
  REQUIRE(nodes.place({1, 4}, kPack, 0));  // node 0
  CHECK(nodes_of(*nodes.place({2, 4}, kPack, 0)) == std::vector<int>{2, 3});
  CHECK(nodes_of(*nodes.place({3, 4}, kPack, 0)) == std::vector<int>{1, 4, 5});
  CHECK(nodes.idle() == 0);
}

TEST_CASE("a node that is out takes no replicas, and its idle GPUs are neither idle nor given") {
  Placement nodes(2, 8);
  const auto on_first = nodes.place({1, 4}, kPack, 0);
  nodes.set_out(0, true);
  CHECK(nodes.idle() == 8);
  CHECK(nodes.out() == 4);
  CHECK(nodes_of(*nodes.place({1, 4}, kPack, 0)) == std::vector<int>{1});
  nodes.release(*on_first);
  CHECK(nodes.out() == 8);
  nodes.set_out(0, false);
  CHECK(nodes.idle() == 12);
}

TEST_CASE("the shape of a replica is one node if it suffices, else equal shares") {
  CHECK(must(ReplicaShape::of(4, 8)).nodes == 1);
  const ReplicaShape two = must(ReplicaShape::of(16, 8));
  CHECK((two.nodes == 2 && two.gpus_per_node == 8));
  CHECK(must(ReplicaShape::of(12, 8)).gpus_per_node == 6);
  CHECK_FALSE(ReplicaShape::of(11, 8).has_value());
}

TEST_CASE("no GPU is given twice and none is lost, whatever comes and goes") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    Stream random({.seed = seed, .purpose = Purpose::test});
    Placement nodes(12, 8, 3);
    std::vector<Allocation> held;
    std::set<GpuAt> used;
    for (int step = 0; step < 300; ++step) {
      if (!held.empty() && random.below(3) == 0) {
        const auto pick = static_cast<std::ptrdiff_t>(random.below(held.size()));
        for (const GpuAt& gpu : held[static_cast<std::size_t>(pick)].gpus) used.erase(gpu);
        nodes.release(held[static_cast<std::size_t>(pick)]);
        held.erase(held.begin() + pick);
      } else {
        const ReplicaShape shape{1 + static_cast<int>(random.below(3)), 1 << random.below(4)};
        const PlacementRule rule{
            random.below(2) == 0 ? PlacementPolicy::pack : PlacementPolicy::spread,
            static_cast<AntiAffinity>(random.below(3))};
        const bool room = nodes.stranded(shape) < nodes.idle();
        auto got = nodes.place(shape, rule, static_cast<std::uint32_t>(random.below(4)));
        if (rule.anti_affinity == AntiAffinity::none) REQUIRE(got.has_value() == room);
        if (!got) continue;
        REQUIRE(static_cast<int>(got->gpus.size()) == shape.nodes * shape.gpus_per_node);
        for (const GpuAt& gpu : got->gpus) REQUIRE(used.insert(gpu).second);
        held.push_back(std::move(*got));
      }
      if (random.below(10) == 0)
        nodes.set_out(static_cast<int>(random.below(12)), random.below(2) == 0);
      REQUIRE(nodes.given() == static_cast<int>(used.size()));
      REQUIRE(nodes.idle() + nodes.given() + nodes.out() == nodes.gpus());
    }
  }
}
