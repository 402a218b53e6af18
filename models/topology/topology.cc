#include "models/topology/topology.h"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>
#include <boost/graph/filtered_graph.hpp>
#include <functional>
#include <limits>
#include <utility>

#include "core/assert.h"

namespace eph::models {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

// What a path costs once its width is settled.
struct Cost {
  double latency_s = 0;
  int links = 0;

  friend bool operator<(const Cost& a, const Cost& b) {
    return a.latency_s != b.latency_s ? a.latency_s < b.latency_s : a.links < b.links;
  }
};

struct VertexFacts {
  VertexKind kind = VertexKind::gpu;
};
struct LinkFacts {
  Topology::Link id = 0;
  double width = 0;
  Cost cost;
};
using BoostGraph =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, VertexFacts, LinkFacts>;
using Edge = boost::graph_traits<BoostGraph>::edge_descriptor;

struct WideEnough {
  const BoostGraph* graph = nullptr;
  double width = 0;
  bool operator()(const Edge& edge) const { return (*graph)[edge].width >= width; }
};

}  // namespace

struct Topology::Graph {
  BoostGraph boost;
  std::vector<Edge> edges;  // by link
};

Topology::Topology() : graph_(std::make_unique<Graph>()) {}
Topology::~Topology() = default;
Topology::Topology(Topology&&) noexcept = default;
Topology& Topology::operator=(Topology&&) noexcept = default;

Topology::Vertex Topology::add_vertex(VertexKind kind) {
  return static_cast<Vertex>(boost::add_vertex(VertexFacts{kind}, graph_->boost));
}

std::uint32_t Topology::join(Vertex a, Vertex b, double bytes_per_s, double latency_s) {
  EPH_ASSERT(bytes_per_s > 0 && latency_s >= 0, "link of {} B/s and {} s", bytes_per_s, latency_s);
  EPH_ASSERT(a < vertex_count() && b < vertex_count() && a != b, "link {} - {}", a, b);
  const auto pair = static_cast<std::uint32_t>(graph_->edges.size() / 2);
  for (const auto& [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
    const LinkFacts facts{static_cast<Link>(graph_->edges.size()), bytes_per_s, {latency_s, 1}};
    graph_->edges.push_back(boost::add_edge(from, to, facts, graph_->boost).first);
  }
  return pair;
}

std::size_t Topology::vertex_count() const { return boost::num_vertices(graph_->boost); }
std::size_t Topology::link_count() const { return graph_->edges.size(); }
VertexKind Topology::kind(Vertex vertex) const { return graph_->boost[vertex].kind; }
double Topology::bytes_per_s(Link link) const { return graph_->boost[graph_->edges[link]].width; }
double Topology::latency_s(Link link) const {
  return graph_->boost[graph_->edges[link]].cost.latency_s;
}
Topology::Vertex Topology::source(Link link) const {
  return static_cast<Vertex>(boost::source(graph_->edges[link], graph_->boost));
}
Topology::Vertex Topology::target(Link link) const {
  return static_cast<Vertex>(boost::target(graph_->edges[link], graph_->boost));
}

// Two passes, because one over (width, latency) would be wrong: a prefix that is wider but slower
// loses nothing by its latency until a later link makes both equally narrow.
std::optional<Topology::Path> Topology::widest_path(Vertex from, Vertex to) const {
  if (from == to) return Path{{}, kInfinite, 0};
  const BoostGraph& g = graph_->boost;
  std::vector<double> width(vertex_count());
  boost::dijkstra_shortest_paths(
      g, from,
      boost::weight_map(boost::get(&LinkFacts::width, g))
          .distance_map(
              boost::make_iterator_property_map(width.begin(), boost::get(boost::vertex_index, g)))
          .distance_compare(std::greater<double>())
          .distance_combine([](double a, double b) { return std::min(a, b); })
          .distance_inf(0.0)
          .distance_zero(kInfinite));
  if (width[to] <= 0) return std::nullopt;

  const boost::filtered_graph<BoostGraph, WideEnough> wide(g, WideEnough{&g, width[to]});
  std::vector<Cost> cost(vertex_count());
  std::vector<Edge> reached_by(vertex_count());
  const auto index = boost::get(boost::vertex_index, g);
  boost::dijkstra_shortest_paths(
      wide, from,
      boost::weight_map(boost::get(&LinkFacts::cost, wide))
          .distance_map(boost::make_iterator_property_map(cost.begin(), index))
          .distance_compare(std::less<Cost>())
          .distance_combine([](const Cost& a, const Cost& b) {
            return Cost{a.latency_s + b.latency_s, a.links + b.links};
          })
          .distance_inf(Cost{kInfinite, std::numeric_limits<int>::max()})
          .distance_zero(Cost{})
          .visitor(boost::make_dijkstra_visitor(boost::record_edge_predecessors(
              boost::make_iterator_property_map(reached_by.begin(), index),
              boost::on_edge_relaxed()))));
  Path path{{}, width[to], cost[to].latency_s};
  for (Vertex at = to; at != from;) {
    const Edge edge = reached_by[at];
    path.links.push_back(g[edge].id);
    at = static_cast<Vertex>(boost::source(edge, g));
  }
  std::reverse(path.links.begin(), path.links.end());
  return path;
}

}  // namespace eph::models
