#include "models/topology/collectives.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/assert.h"

namespace eph::models {
namespace {

int log2_up(int n) { return std::bit_width(static_cast<unsigned>(n - 1)); }

// One direction of a ring or a tree through all ranks: inside the nodes a GPU's link carries
// everything, between them the cards of a node carry it together.
double through_all(const GroupNetwork& net) {
  if (net.group.nodes == 1) return net.local.bytes_per_s;
  return std::min(net.local.bytes_per_s, net.remote.bytes_per_s * net.group.ranks_per_node);
}

double step_latency(const GroupNetwork& net) {
  return net.group.nodes == 1 ? net.local.latency_s
                              : std::max(net.local.latency_s, net.remote.latency_s);
}

// Half a ring all-reduce: all-gather or reduce-scatter.
double ring_half(const GroupNetwork& net, double bytes) {
  const double n = net.group.ranks();
  return (n - 1) * step_latency(net) + (n - 1) / n * bytes / through_all(net);
}

double local_half(const GroupNetwork& net, double bytes) {
  return ring_half({{1, net.group.ranks_per_node}, net.local, {}, false}, bytes);
}

double tree(const GroupNetwork& net, double bytes) {
  const double steps = log2_up(net.group.nodes) * net.remote.latency_s +
                       log2_up(net.group.ranks_per_node) * net.local.latency_s;
  return 2 * steps + 2 * bytes / through_all(net);
}

double two_level(const GroupNetwork& net, double bytes) {
  return 2 * local_half(net, bytes) +
         remote_all_reduce_seconds(net.remote, net.group.nodes, bytes / net.group.ranks_per_node);
}

// Each rank reads its part as the sum and writes it to all: (1 + 1/n) of the bytes over its link.
double in_switch(const GroupNetwork& net, double bytes) {
  return 2 * net.local.latency_s + (1 + 1.0 / net.group.ranks()) * bytes / net.local.bytes_per_s;
}

}  // namespace

GroupNetwork group_network(const ClusterSpec& spec, CollectiveGroup group) {
  EPH_ASSERT(
      group.nodes >= 1 && group.ranks_per_node >= 1 && group.ranks_per_node <= spec.gpus_per_node,
      "{} ranks on each of {} nodes of {} GPUs", group.ranks_per_node, group.nodes,
      spec.gpus_per_node);
  GroupNetwork net;
  net.group = group;
  net.local = {spec.scale_up_latency_s, spec.scale_up_rate()};
  net.switch_reduces = spec.nvlink;
  if (group.nodes == 1) return net;
  EPH_ASSERT(spec.nics_per_node > 0, "{} nodes of {} without network", group.nodes, spec.name);
  const int per_card = spec.gpus_per_node / spec.nic_groups();
  const int cards = (group.ranks_per_node + per_card - 1) / per_card;
  double rate =
      std::min(spec.pcie_bytes_per_s, spec.nic_group_bytes_per_s() * cards / group.ranks_per_node);
  int switches = 1;
  if (group.nodes > spec.nodes_per_leaf()) {
    rate /= spec.oversubscription;
    switches = group.nodes > spec.nodes_per_leaf() * spec.blocks_per_pod() ? 5 : 3;
  }
  net.remote = {2 * spec.nic_latency_s + switches * spec.switch_latency_s + spec.collective_step_s,
                rate};
  return net;
}

Result<NodeNetwork> node_network(const ClusterSpec& spec, int gpus) {
  const int nodes = (gpus + spec.gpus_per_node - 1) / spec.gpus_per_node;
  if (nodes > 1 && spec.nics_per_node == 0)
    return usage_error(
        fmt::format("{} GPUs need {} nodes of \"{}\", which has no network", gpus, nodes,
                    spec.name),
        fmt::format("use at most {} GPUs a replica or another topology", spec.gpus_per_node));
  return NodeNetwork{spec.gpus_per_node, group_network(spec, {nodes, spec.gpus_per_node}).remote};
}

double remote_all_reduce_seconds(const LinkCost& remote, int nodes, double bytes) {
  if (nodes <= 1) return 0;
  const double volume = 2 * bytes / remote.bytes_per_s, n = nodes;
  const double ring = 2 * (n - 1) * remote.latency_s + (n - 1) / n * volume;
  return std::min(ring, 2 * log2_up(nodes) * remote.latency_s + volume);
}

int hops_between_nodes(const Parallelism& layout, int gpus_per_node) {
  const int stage = layout.tensor * layout.attention_data;
  int hops = 0;
  for (int from = 0; from + 1 < layout.pipeline; ++from) {
    bool crosses = false;
    for (int rank = from * stage; rank < (from + 1) * stage; ++rank)
      crosses = crosses || rank / gpus_per_node != (rank + stage) / gpus_per_node;
    hops += crosses ? 1 : 0;
  }
  return hops;
}

double all_reduce_seconds(const GroupNetwork& net, AllReduce algorithm, double bytes) {
  if (net.group.ranks() == 1) return 0;
  switch (algorithm) {
    case AllReduce::ring:
      return 2 * ring_half(net, bytes);
    case AllReduce::tree:
      return tree(net, bytes);
    case AllReduce::two_level:
      return two_level(net, bytes);
    case AllReduce::in_switch:
      break;
  }
  EPH_ASSERT(net.switch_reduces && net.group.nodes == 1, "no switch adds up over {} nodes",
             net.group.nodes);
  return in_switch(net, bytes);
}

double all_reduce_seconds(const GroupNetwork& net, double bytes) {
  double best = all_reduce_seconds(net, AllReduce::ring, bytes);
  for (const AllReduce algorithm : {AllReduce::tree, AllReduce::two_level})
    best = std::min(best, all_reduce_seconds(net, algorithm, bytes));
  if (net.switch_reduces && net.group.nodes == 1)
    best = std::min(best, all_reduce_seconds(net, AllReduce::in_switch, bytes));
  return best;
}

// Two levels: each rank exchanges its part with its peers on the other nodes, then inside the node.
double all_gather_seconds(const GroupNetwork& net, double bytes) {
  if (net.group.ranks() == 1) return 0;
  const double flat = ring_half(net, bytes);
  if (net.group.nodes == 1) return flat;
  const double n = net.group.nodes;
  const double rails = (n - 1) * net.remote.latency_s +
                       (n - 1) / n * (bytes / net.group.ranks_per_node) / net.remote.bytes_per_s;
  return std::min(flat, rails + local_half(net, bytes));
}

double reduce_scatter_seconds(const GroupNetwork& net, double bytes) {
  return all_gather_seconds(net, bytes);
}

double all_to_all_seconds(const GroupNetwork& net, double bytes) {
  const double n = net.group.ranks(), here = net.group.ranks_per_node;
  if (n == 1) return 0;
  const double local = (here - 1) / n * bytes / net.local.bytes_per_s;
  if (net.group.nodes == 1) return net.local.latency_s + local;
  const double remote = net.remote.latency_s + (n - here) / n * bytes / net.remote.bytes_per_s;
  return std::max(remote, here > 1 ? net.local.latency_s + local : 0);
}

double point_to_point_seconds(const LinkCost& link, double bytes) {
  return link.latency_s + bytes / link.bytes_per_s;
}

}  // namespace eph::models
