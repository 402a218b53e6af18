#pragma once
// Hardware as a graph: GPUs, switches and network cards joined by links with a rate and a latency.
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace eph::models {

enum class VertexKind : std::uint8_t { gpu, scale_up, nic, leaf, spine, core };

// Vertices and links count from 0 in the order in which they were added. One thread while it grows.
class Topology {
 public:
  using Vertex = std::uint32_t;
  using Link = std::uint32_t;  // one direction: 2 k is the k-th pair from a to b, 2 k + 1 back

  struct Path {
    std::vector<Link> links;
    double bytes_per_s = 0;  // of the narrowest link; infinite for an empty path
    double latency_s = 0;
  };

  Topology();
  ~Topology();
  Topology(Topology&&) noexcept;
  Topology& operator=(Topology&&) noexcept;

  Vertex add_vertex(VertexKind kind);
  // Joins a and b in both directions; requires bytes_per_s > 0 and latency_s >= 0. Gives the pair's
  // number.
  std::uint32_t join(Vertex a, Vertex b, double bytes_per_s, double latency_s);

  [[nodiscard]] std::size_t vertex_count() const;
  [[nodiscard]] std::size_t link_count() const;
  [[nodiscard]] VertexKind kind(Vertex vertex) const;
  [[nodiscard]] double bytes_per_s(Link link) const;
  [[nodiscard]] double latency_s(Link link) const;
  [[nodiscard]] Vertex source(Link link) const;
  [[nodiscard]] Vertex target(Link link) const;

  // The path whose narrowest link is widest; of those the one of least latency, then of fewest
  // links; nullopt when there is none. The same graph gives the same path.
  [[nodiscard]] std::optional<Path> widest_path(Vertex from, Vertex to) const;

 private:
  struct Graph;
  std::unique_ptr<Graph> graph_;
};

}  // namespace eph::models
