#include "models/topology/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/assert.h"

namespace eph::models {
namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }
constexpr std::uint64_t bit(int gpu) { return std::uint64_t{1} << gpu; }

}  // namespace

Result<ReplicaShape> ReplicaShape::of(int gpus, int gpus_per_node) {
  EPH_ASSERT(gpus >= 1 && gpus_per_node >= 1, "{} GPUs on nodes of {}", gpus, gpus_per_node);
  const int nodes = (gpus + gpus_per_node - 1) / gpus_per_node;
  if (gpus % nodes != 0)
    return usage_error(
        fmt::format("{} GPUs do not spread evenly over {} nodes of {}", gpus, nodes, gpus_per_node),
        fmt::format("use {} or {}", gpus / nodes * nodes, (gpus / nodes + 1) * nodes));
  return ReplicaShape{nodes, gpus / nodes};
}

Placement::Placement(const Cluster& cluster)
    : Placement(cluster.nodes(), cluster.spec().gpus_per_node, cluster.spec().nodes_per_rack) {
  int block = 0;
  for (int node = 1; node < cluster.nodes(); ++node) {
    if (cluster.distance(node - 1, node) != NodeDistance::same_leaf) ++block;
    nodes_[at(node)].block = block;
  }
}

Placement::Placement(int nodes, int gpus_per_node, int nodes_per_rack)
    : gpus_per_node_(gpus_per_node) {
  EPH_ASSERT(nodes >= 1 && gpus_per_node >= 1 && gpus_per_node <= 64 && nodes_per_rack >= 1,
             "{} nodes of {} GPUs, {} a rack", nodes, gpus_per_node, nodes_per_rack);
  for (int node = 0; node < nodes; ++node) {
    nodes_.emplace_back();
    nodes_.back().idle = gpus_per_node;
    nodes_.back().rack = node / nodes_per_rack;
  }
}

std::vector<int> Placement::suitable(ReplicaShape shape, PlacementRule rule,
                                     std::uint32_t group) const {
  std::vector<bool> barred(
      nodes_.size());  // by node, or by rack (there are no more racks than nodes)
  for (const Held& held : held_)
    if (held.group == group && rule.anti_affinity != AntiAffinity::none)
      barred[at(rule.anti_affinity == AntiAffinity::node ? held.node : held.rack)] = true;
  std::vector<int> out;
  for (int i = 0; i < static_cast<int>(nodes_.size()); ++i) {
    const Node& node = nodes_[at(i)];
    if (node.out || node.idle < shape.gpus_per_node) continue;
    if (!barred[at(rule.anti_affinity == AntiAffinity::rack ? node.rack : i)]) out.push_back(i);
  }
  return out;
}

std::vector<int> Placement::choose(std::vector<int> nodes, int wanted,
                                   PlacementPolicy policy) const {
  const bool pack = policy == PlacementPolicy::pack;
  std::stable_sort(nodes.begin(), nodes.end(), [&](int a, int b) {
    const int x = nodes_[at(a)].idle, y = nodes_[at(b)].idle;
    return pack ? x < y : x > y;
  });
  if (wanted > 1) {
    std::map<int, int> in_block;
    for (const int node : nodes) ++in_block[nodes_[at(node)].block];
    int best = -1;
    for (const auto& [block, count] : in_block) {
      if (count < wanted) continue;
      if (best < 0 || (pack ? count < in_block[best] : count > in_block[best])) best = block;
    }
    if (best >= 0) std::erase_if(nodes, [&](int node) { return nodes_[at(node)].block != best; });
  }
  nodes.resize(std::min(nodes.size(), at(wanted)));
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

std::optional<Allocation> Placement::place(ReplicaShape shape, PlacementRule rule,
                                           std::uint32_t group) {
  EPH_ASSERT(shape.nodes >= 1 && shape.gpus_per_node >= 1,
             "a replica of {} nodes with {} GPUs each", shape.nodes, shape.gpus_per_node);
  const std::vector<int> chosen = choose(suitable(shape, rule, group), shape.nodes, rule.policy);
  if (chosen.size() < at(shape.nodes)) return std::nullopt;
  Allocation out;
  out.group = group;
  for (const int index : chosen) {
    Node& node = nodes_[at(index)];
    int left = shape.gpus_per_node;
    for (int gpu = 0; left > 0; ++gpu) {
      if ((node.busy & bit(gpu)) != 0) continue;
      node.busy |= bit(gpu);
      out.gpus.push_back({index, gpu});
      --left;
    }
    node.idle -= shape.gpus_per_node;
    held_.push_back({group, index, node.rack});
  }
  given_ += static_cast<int>(out.gpus.size());
  return out;
}

void Placement::release(const Allocation& allocation) {
  int last = -1;
  for (const GpuAt& gpu : allocation.gpus) {
    Node& node = nodes_[at(gpu.node)];
    EPH_ASSERT((node.busy & bit(gpu.gpu)) != 0, "GPU {} of node {} is idle", gpu.gpu, gpu.node);
    node.busy &= ~bit(gpu.gpu);
    ++node.idle;
    if (gpu.node == last) continue;
    last = gpu.node;
    const auto held = std::find_if(held_.begin(), held_.end(), [&](const Held& one) {
      return one.group == allocation.group && one.node == gpu.node;
    });
    EPH_ASSERT(held != held_.end(), "group {} has nothing on node {}", allocation.group, gpu.node);
    held_.erase(held);
  }
  given_ -= static_cast<int>(allocation.gpus.size());
}

void Placement::set_out(int node, bool out) { nodes_[at(node)].out = out; }

int Placement::idle() const {
  int sum = 0;
  for (const Node& node : nodes_) sum += node.out ? 0 : node.idle;
  return sum;
}

int Placement::out() const {
  int sum = 0;
  for (const Node& node : nodes_) sum += node.out ? node.idle : 0;
  return sum;
}

int Placement::stranded(ReplicaShape shape) const {
  // k replicas fit when the nodes have room for k parts each at most and n k parts together.
  const auto fit = [&](int replicas) {
    std::int64_t parts = 0;
    for (const Node& node : nodes_)
      if (!node.out) parts += std::min(node.idle / shape.gpus_per_node, replicas);
    return parts >= std::int64_t{replicas} * shape.nodes;
  };
  int low = 0, high = idle() / (shape.nodes * shape.gpus_per_node) + 1;
  while (low + 1 < high) {
    const int middle = (low + high) / 2;
    (fit(middle) ? low : high) = middle;
  }
  return idle() - low * shape.nodes * shape.gpus_per_node;
}

}  // namespace eph::models
