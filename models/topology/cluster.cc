#include "models/topology/cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/assert.h"

namespace eph::models {
namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

}  // namespace

Result<Cluster> Cluster::build(ClusterSpec spec, int nodes) {
  if (nodes < 1) return usage_error(fmt::format("a cluster of {} nodes", nodes), "use 1 or more");
  if (nodes > 1 && spec.nics_per_node == 0)
    return usage_error(fmt::format("{} nodes of \"{}\", which has no network", nodes, spec.name),
                       "use one node or another topology");
  return Cluster(std::move(spec), nodes);
}

Cluster::Cluster(ClusterSpec spec, int nodes) : spec_(std::move(spec)), nodes_(nodes) {
  if (spec_.nics_per_node > 0) {
    nodes_per_block_ = spec_.nodes_per_leaf();
    blocks_per_pod_ = spec_.blocks_per_pod();
    blocks_ = (nodes_ - 1) / nodes_per_block_ + 1;
    pods_ = (blocks_ - 1) / blocks_per_pod_ + 1;
  } else {
    nodes_per_block_ = nodes_;
  }
  number_links();
  find_routes();
}

NodeDistance Cluster::distance(int a, int b) const {
  if (a == b) return NodeDistance::same_node;
  if (block_of(a) == block_of(b)) return NodeDistance::same_leaf;
  return pod_of(a) == pod_of(b) ? NodeDistance::same_pod : NodeDistance::other_pod;
}

LinkId Cluster::first_of(int tier, int owner) const {
  const auto number = static_cast<LinkId>(owner);
  if (tier == 0) return number * node_links_;
  const LinkId after_nodes = static_cast<LinkId>(nodes_) * node_links_;
  if (tier == 1) return after_nodes + number * block_links_;
  return after_nodes + static_cast<LinkId>(blocks_) * block_links_ + 2 * number;
}

// Node after node: GPU to scale-up fabric, PCIe to the cards, cards to leaves; then leaf to spine,
// block after block; then spine to core, pod after pod.
void Cluster::number_links() {
  const int groups = spec_.nic_groups();
  const int pcie = groups == 0 ? 0 : spec_.nvlink ? spec_.gpus_per_node : groups;
  node_links_ = static_cast<LinkId>(2 * (spec_.gpus_per_node + pcie + groups));
  block_links_ = static_cast<LinkId>(2 * (groups == 0 ? 0 : spec_.leaves_per_block()));
  const auto add = [this](int pairs, double rate, bool fillable) {
    rate_.insert(rate_.end(), at(2 * pairs), rate);
    fillable_.insert(fillable_.end(), at(2 * pairs), fillable ? 1 : 0);
  };
  const bool own_card = pcie == groups && spec_.pcie_bytes_per_s >= spec_.nic_group_bytes_per_s();
  for (int node = 0; node < nodes_; ++node) {
    add(spec_.gpus_per_node, spec_.scale_up_rate(), true);
    add(pcie, spec_.pcie_bytes_per_s, !own_card);
    add(groups, spec_.nic_group_bytes_per_s(), true);
  }
  if (groups == 0) return;
  add(blocks_ * spec_.leaves_per_block(), spec_.leaf_uplink_bytes_per_s(),
      spec_.oversubscription > 1);
  add(pods_, spec_.leaf_uplink_bytes_per_s() * spec_.leaves_per_block() * blocks_per_pod_, false);
}

Cluster::Drawn Cluster::draw(std::span<const int> nodes) const {
  Drawn out;
  Topology& g = out.graph;
  const auto join = [&](Topology::Vertex a, Topology::Vertex b, LinkId link, double latency_s) {
    g.join(a, b, rate_[link], latency_s);
    out.link_of.push_back(link);
    out.link_of.push_back(link + 1);
  };
  const auto above = [&](std::map<int, Topology::Vertex>& known, int key, VertexKind kind) {
    const auto found = known.find(key);
    if (found != known.end()) return std::pair{found->second, false};
    return std::pair{known[key] = g.add_vertex(kind), true};
  };
  std::map<int, Topology::Vertex> leaves, spines, cores;
  const int groups = spec_.nic_groups(),
            leaves_per_block = groups == 0 ? 0 : spec_.leaves_per_block();
  for (const int node : nodes) {
    LinkId link = first_of(0, node);
    const Topology::Vertex fabric = g.add_vertex(VertexKind::scale_up);
    std::vector<Topology::Vertex>& gpus = out.gpus.emplace_back();
    for (int i = 0; i < spec_.gpus_per_node; ++i, link += 2) {
      gpus.push_back(g.add_vertex(VertexKind::gpu));
      join(gpus.back(), fabric, link, spec_.scale_up_latency_s / 2);
    }
    std::vector<Topology::Vertex> nics;
    for (int k = 0; k < groups; ++k) nics.push_back(g.add_vertex(VertexKind::nic));
    for (int i = 0; groups > 0 && i < (spec_.nvlink ? spec_.gpus_per_node : groups);
         ++i, link += 2) {
      if (spec_.nvlink)
        join(gpus[at(i)], nics[at(i * groups / spec_.gpus_per_node)], link, spec_.nic_latency_s);
      else
        join(fabric, nics[at(i)], link, spec_.nic_latency_s);
    }
    for (int k = 0; k < groups; ++k, link += 2) {
      const int leaf = block_of(node) * leaves_per_block + (spec_.rail_optimised ? k : 0);
      const auto [vertex, fresh] = above(leaves, leaf, VertexKind::leaf);
      join(nics[at(k)], vertex, link, spec_.switch_latency_s / 2);
      if (!fresh) continue;
      const auto [spine, fresh_spine] = above(spines, pod_of(node), VertexKind::spine);
      join(vertex, spine,
           first_of(1, block_of(node)) + 2 * static_cast<LinkId>(leaf % leaves_per_block),
           spec_.switch_latency_s);
      if (fresh_spine && pods_ > 1)
        join(spine, above(cores, 0, VertexKind::core).first, first_of(2, pod_of(node)),
             spec_.switch_latency_s);
    }
  }
  return out;
}

std::size_t Cluster::template_at(NodeDistance distance, int from, int to) const {
  return (at(static_cast<int>(distance)) * at(spec_.gpus_per_node) + at(from)) *
             at(spec_.gpus_per_node) +
         at(to);
}

Cluster::Template Cluster::to_template(const Drawn& drawn, const Topology::Path& path,
                                       int from_node, int to_node) const {
  EPH_ASSERT(path.links.size() <= at(Route::kMaxLinks), "a route of {} links", path.links.size());
  Template out;
  out.latency_s = path.latency_s;
  out.bytes_per_s = path.bytes_per_s;
  const LinkId leaves = first_of(1, 0), cores = first_of(2, 0);
  for (const Topology::Link graph_link : path.links) {
    const LinkId link = drawn.link_of[graph_link];
    Step& step = out.steps[at(out.count++)];
    step.tier = static_cast<std::uint8_t>(link < leaves ? 0 : link < cores ? 1 : 2);
    const auto owner_of = [&](int node) {
      return step.tier == 0 ? node : step.tier == 1 ? block_of(node) : pod_of(node);
    };
    const LinkId width = step.tier == 0 ? node_links_ : step.tier == 1 ? block_links_ : 2;
    const LinkId within = link - first_of(step.tier, 0);
    step.receiver = static_cast<int>(within / width) != owner_of(from_node);
    EPH_ASSERT(!step.receiver || static_cast<int>(within / width) == owner_of(to_node),
               "a route through a third node: link {}", link);
    step.local = within % width;
  }
  return out;
}

void Cluster::find_routes() {
  const int gpus = spec_.gpus_per_node;
  templates_.resize(template_at(NodeDistance::other_pod, gpus - 1, gpus - 1) + 1);
  for (const int other : {0, 1, nodes_per_block_, nodes_per_block_ * blocks_per_pod_}) {
    if (other >= nodes_) continue;
    const std::array<int, 2> pair{0, other};
    const Drawn drawn = draw(std::span(pair).first(other == 0 ? 1 : 2));
    for (int from = 0; from < gpus; ++from) {
      for (int to = 0; to < gpus; ++to) {
        const auto path =
            drawn.graph.widest_path(drawn.gpus.front()[at(from)], drawn.gpus.back()[at(to)]);
        EPH_ASSERT(path.has_value(), "no path from GPU {} to GPU {} of node {}", from, to, other);
        templates_[template_at(distance(0, other), from, to)] = to_template(drawn, *path, 0, other);
      }
    }
  }
}

Route Cluster::route(GpuAt from, GpuAt to) const {
  EPH_ASSERT(from.node >= 0 && from.node < nodes_ && to.node >= 0 && to.node < nodes_,
             "nodes {} and {} of {}", from.node, to.node, nodes_);
  EPH_ASSERT(from.gpu >= 0 && from.gpu < spec_.gpus_per_node && to.gpu >= 0 &&
                 to.gpu < spec_.gpus_per_node,
             "GPUs {} and {} of {}", from.gpu, to.gpu, spec_.gpus_per_node);
  const Template& known = templates_[template_at(distance(from.node, to.node), from.gpu, to.gpu)];
  Route out;
  out.count = known.count;
  out.latency_s = known.latency_s;
  out.bytes_per_s = known.bytes_per_s;
  for (int i = 0; i < known.count; ++i) {
    const Step& step = known.steps[at(i)];
    const int node = step.receiver ? to.node : from.node;
    const int owner = step.tier == 0 ? node : step.tier == 1 ? block_of(node) : pod_of(node);
    out.ids[at(i)] = first_of(step.tier, owner) + step.local;
  }
  return out;
}

}  // namespace eph::models
