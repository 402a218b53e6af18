#pragma once
// N nodes of one ClusterSpec: its links by number, and the route between any two GPUs.
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"
#include "models/topology/cluster_spec.h"
#include "models/topology/topology.h"

namespace eph::models {

struct GpuAt {
  int node = 0;
  int gpu = 0;  // in its node

  friend auto operator<=>(const GpuAt&, const GpuAt&) = default;
};

using LinkId = std::uint32_t;  // of one direction, over the whole cluster

struct Route {
  static constexpr int kMaxLinks = 16;
  std::array<LinkId, kMaxLinks> ids{};
  int count = 0;  // 0: the same GPU
  double latency_s = 0;
  double bytes_per_s = 0;  // of the narrowest link; infinite for the same GPU

  [[nodiscard]] std::span<const LinkId> links() const {
    return {ids.data(), static_cast<std::size_t>(count)};
  }
};

// Which links two nodes have between them: pairs of the same kind have the same routes.
enum class NodeDistance : std::uint8_t { same_node, same_leaf, same_pod, other_pod };

// Immutable after build; any number of threads. Memory grows with the nodes by 9 bytes a link;
// routes are kept per kind of pair, so that a cluster of thousands of nodes costs no more graph
// searches than one of a few.
class Cluster {
 public:
  // Usage errors: no nodes; several nodes without network cards.
  [[nodiscard]] static Result<Cluster> build(ClusterSpec spec, int nodes);

  [[nodiscard]] const ClusterSpec& spec() const { return spec_; }
  [[nodiscard]] int nodes() const { return nodes_; }
  [[nodiscard]] int gpus() const { return nodes_ * spec_.gpus_per_node; }
  [[nodiscard]] int rack_of(int node) const { return node / spec_.nodes_per_rack; }
  [[nodiscard]] NodeDistance distance(int a, int b) const;

  [[nodiscard]] std::size_t link_count() const { return rate_.size(); }
  [[nodiscard]] double bytes_per_s(LinkId link) const { return rate_[link]; }  // effective

  // Whether transfers can fill it: not where other links let through no more than it carries
  // (uplinks without oversubscription, cores, PCIe before a slower card of its own).
  [[nodiscard]] bool can_fill(LinkId link) const { return fillable_[link] != 0; }

  // Widest path, ties by latency, then links (Topology::widest_path); never fails.
  [[nodiscard]] Route route(GpuAt from, GpuAt to) const;

  // The graph of some nodes (all, for a cluster of this size) with what is above them. `link_of`
  // gives the cluster's number of a link of the graph.
  struct Drawn {
    Topology graph;
    std::vector<std::vector<Topology::Vertex>> gpus;  // [index in nodes][gpu]
    std::vector<LinkId> link_of;
  };
  [[nodiscard]] Drawn draw(std::span<const int> nodes) const;

 private:
  // A link of a route as seen from its ends: whose it is (sender's or receiver's side), which one.
  struct Step {
    std::uint8_t tier = 0;  // 0 node, 1 leaf, 2 pod
    bool receiver = false;
    std::uint32_t local = 0;  // link within the node's, the block's or the pod's
  };
  struct Template {
    std::array<Step, Route::kMaxLinks> steps{};
    int count = 0;
    double latency_s = 0, bytes_per_s = 0;
  };

  Cluster(ClusterSpec spec, int nodes);
  [[nodiscard]] int block_of(int node) const { return node / nodes_per_block_; }
  [[nodiscard]] int pod_of(int node) const { return block_of(node) / blocks_per_pod_; }
  [[nodiscard]] LinkId first_of(int tier, int owner) const;
  [[nodiscard]] std::size_t template_at(NodeDistance distance, int from, int to) const;
  void number_links();
  void find_routes();
  [[nodiscard]] Template to_template(const Drawn& drawn, const Topology::Path& path, int from_node,
                                     int to_node) const;

  ClusterSpec spec_;
  int nodes_;
  int nodes_per_block_ = 1, blocks_per_pod_ = 1;
  int blocks_ = 0, pods_ = 0;                // 0 without network
  LinkId node_links_ = 0, block_links_ = 0;  // directed, of one node and of one block
  std::vector<double> rate_;
  std::vector<std::uint8_t> fillable_;
  std::vector<Template> templates_;
};

}  // namespace eph::models
