#pragma once
// The arrival part of a workload model: times of one rate window after the other.
#include <cstdint>
#include <vector>

#include "core/rng.h"
#include "workload/workload_model.h"

namespace eph::workload {

// Concentrations for `levels` that reproduce measured variance-to-mean ratios, given the mean count
// and the mean squared expected count of a parent window of `window_s` seconds. Bounded to
// 1e-3..1e6.
[[nodiscard]] std::vector<BurstLevel> solve_bursts(double window_s, double mean_count,
                                                   double mean_square,
                                                   const std::vector<Dispersion>& levels);

// Concentration of the sum of `copies` independent streams with the same parents: the weights'
// variance falls to 1 / copies. Unchanged below one copy (thinning).
[[nodiscard]] double superposed_concentration(double concentration, double copies);

class BurstProcess {
 public:
  // Levels from coarse to fine below windows of `window_s`.
  BurstProcess(double window_s, std::vector<BurstLevel> levels);

  // Seconds from the window's start, ascending, for a window with `expected` requests; appends to
  // `times`. Draws only from `stream`.
  void draw_window(double expected, Stream& stream, std::vector<double>& times);

 private:
  void split(std::size_t level, double from_s, double expected, Stream& stream,
             std::vector<double>& times);

  double window_s_;
  std::vector<BurstLevel> levels_;
  std::vector<std::size_t> children_;         // of each level
  std::vector<std::vector<double>> weights_;  // scratch, one for each level
  double until_next_ = 0;                     // expected requests up to the next one
};

}  // namespace eph::workload
