#pragma once
// How many replicas a candidate will probably need. It decides which counts are simulated and in
// what order, never what the answer is.
#include <cstdint>
#include <vector>

#include "scenario/assemble.h"
#include "sim/slo.h"

namespace eph::planner {

// A workload in pieces of equally many consecutive requests, in time order.
struct LoadPieces {
  struct Piece {
    double rate = 0, prompt = 0, output = 0;  // requests/s; mean tokens
  };
  std::vector<Piece> pieces;
  double requests_each = 1;  // the last piece may have up to twice as many
};
[[nodiscard]] LoadPieces cut_load(const scenario::RequestList& requests);

// A piece is a fluid: with rate r on a replica a step of s seconds takes along the r * s requests
// that arrive meanwhile, and decodes for the r * s * output that are in flight (Little's law); s is
// the fixed point of that and the step model. The objective's quantile over requests is taken as
// the quantile over pieces, ordered by work. What simulations measured then corrects by how many
// replicas of the fluid one real replica counts.
class Forecast {
 public:
  // Borrows all.
  Forecast(const scenario::Assembly& assembly, const LoadPieces& load,
           const std::vector<sim::Slo>& slos);

  // Fewest replicas that would meet the objectives, at least 1; a very large number when none
  // would.
  [[nodiscard]] int smallest() const;
  // A simulation of the first `arrived` requests with `replicas` measured this, seconds by
  // objective. A failure that was foreseen teaches nothing.
  void learn(int replicas, bool passed, std::uint64_t arrived,
             const std::vector<double>& measured_s);

 private:
  using Piece = LoadPieces::Piece;
  [[nodiscard]] double step_s(const Piece& piece, double replicas) const;
  [[nodiscard]] double latency_s(const Piece& piece, sim::Latency latency, double replicas) const;
  [[nodiscard]] std::vector<Piece> typical(const sim::Slo& slo, std::size_t pieces) const;
  [[nodiscard]] double replicas_for(const sim::Slo& slo, std::size_t pieces, double seconds) const;

  const scenario::Assembly& assembly_;
  const LoadPieces& load_;
  const std::vector<sim::Slo>& slos_;
  std::vector<double> needed_;  // of the fluid, by objective
  std::vector<double> worth_;   // of a real replica, in those of the fluid, by objective
};

}  // namespace eph::planner
