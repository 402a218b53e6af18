#include <catch2/catch.hpp>
#include <functional>
#include <limits>

#include "core/rng.h"
#include "models/topology/topology.h"

using namespace eph;
using namespace eph::models;

namespace {

using Path = Topology::Path;

// Every simple path, by depth-first search: the oracle for small graphs.
Path best_by_enumeration(const Topology& g, Topology::Vertex from, Topology::Vertex to) {
  Path best{{}, 0, 0};
  Path current{{}, std::numeric_limits<double>::infinity(), 0};
  std::vector<bool> seen(g.vertex_count());
  const auto better = [](const Path& a, const Path& b) {
    if (a.bytes_per_s != b.bytes_per_s) return a.bytes_per_s > b.bytes_per_s;
    if (a.latency_s != b.latency_s) return a.latency_s < b.latency_s;
    return a.links.size() < b.links.size();
  };
  const std::function<void(Topology::Vertex)> visit = [&](Topology::Vertex v) {
    if (v == to) {
      if (best.links.empty() || better(current, best)) best = current;
      return;
    }
    seen[v] = true;
    for (Topology::Link link = 0; link < g.link_count(); ++link) {
      if (g.source(link) != v || seen[g.target(link)]) continue;
      const Path before = current;
      current.links.push_back(link);
      current.bytes_per_s = std::min(current.bytes_per_s, g.bytes_per_s(link));
      current.latency_s += g.latency_s(link);
      visit(g.target(link));
      current = before;
    }
    seen[v] = false;
  };
  visit(from);
  return best;
}

}  // namespace

TEST_CASE(
    "the widest path goes round a narrow link, and the fastest of equally wide ones is taken") {
  Topology g;
  for (int i = 0; i < 5; ++i) g.add_vertex(VertexKind::leaf);
  g.join(0, 1, 10, 1);  // narrow and fast
  g.join(0, 2, 100, 2);
  g.join(2, 1, 100, 2);
  g.join(0, 3, 200, 1);  // wider at first, as narrow in the end, and faster
  g.join(3, 1, 100, 1);
  const auto path = g.widest_path(0, 1);
  REQUIRE(path.has_value());
  CHECK(path->bytes_per_s == 100);
  CHECK(path->latency_s == 2);
  CHECK(path->links == std::vector<Topology::Link>{6, 8});
  CHECK_FALSE(g.widest_path(0, 4).has_value());  // vertex 4 has no link
  CHECK(g.widest_path(2, 2)->links.empty());
}

TEST_CASE(
    "a prefix that is wider but slower does not win when a later link is narrower than both") {
  Topology g;
  for (int i = 0; i < 5; ++i) g.add_vertex(VertexKind::leaf);
  g.join(0, 1, 100, 10);  // wide, slow
  g.join(1, 3, 100, 10);
  g.join(0, 2, 50, 1);  // narrower, fast
  g.join(2, 3, 50, 1);
  g.join(3, 4, 10, 1);
  CHECK(g.widest_path(0, 4)->latency_s == 3);
  CHECK(g.widest_path(0, 3)->latency_s == 20);
}

TEST_CASE("widest paths equal the best of all simple paths on random graphs") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    Stream random({.seed = seed, .purpose = Purpose::test});
    Topology g;
    const int vertices = 3 + static_cast<int>(random.below(5));
    for (int i = 0; i < vertices; ++i) g.add_vertex(VertexKind::leaf);
    for (int a = 0; a < vertices; ++a)
      for (int b = a + 1; b < vertices; ++b)
        if (random.unit() < 0.6)
          g.join(static_cast<Topology::Vertex>(a), static_cast<Topology::Vertex>(b),
                 static_cast<double>(1 + random.below(4)), static_cast<double>(random.below(4)));
    const auto found = g.widest_path(0, 1);
    const Path best = best_by_enumeration(g, 0, 1);
    REQUIRE(found.has_value() == !best.links.empty());
    if (!found) continue;
    CHECK(found->bytes_per_s == best.bytes_per_s);
    CHECK(found->latency_s == best.latency_s);
    CHECK(found->links.size() == best.links.size());
  }
}
