#pragma once
// Prediction intervals of held-out rows and how often they hold.
#include <vector>

#include "calibration/held_out_row.h"

namespace eph::calibration {

inline constexpr double kIntervalLevel = 0.9;

// Half-widths h by row and counted figure, so that a measurement is expected in
// [predicted e^-h, predicted e^h] with probability `level`.
//
// Normalised split-conformal: h is the fit's own deviation (HeldOutRow::log_sd; 1 where it states
// none) times the ceil(level (n + 1))-th smallest |log(predicted / measured)| over deviation of
// that engine, figure and load class over the n held-out rows of *other* units; where they are too
// few for that rank, of that engine and figure; where those are too few as well, there is none.
[[nodiscard]] std::vector<FigureSet> interval_half_widths(const std::vector<HeldOutRow>& rows,
                                                          double level = kIntervalLevel);

struct Coverage {
  std::size_t n = 0;              // predictions that have an interval
  double inside_percent = 0;      // of them
  double half_width_percent = 0;  // median of e^h - 1
};

class CoverageCount {
 public:
  void add(double predicted, double measured, double half_width);
  [[nodiscard]] Coverage result() const;

 private:
  std::size_t inside_ = 0;
  std::vector<double> half_widths_;
};

}  // namespace eph::calibration
