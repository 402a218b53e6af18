#pragma once
// Error tables: |predicted / measured - 1| by engine, model and protocol.
#include <string>
#include <vector>

#include "calibration/measured_run.h"
#include "core/stats.h"

namespace eph::calibration {

// One row that was predicted, reduced to what the tables need.
struct ScoredRow {
  std::string engine, model, protocol;
  FigureSet predicted, measured;
  std::vector<Figure> scored;
  std::string problem = {};  // why nothing is predicted; empty: it is
};

// Errors of one figure over the rows of one group; an empty key means "all".
struct ErrorLine {
  std::string engine, model, protocol;
  Figure figure = Figure::mean_tpot;
  ErrorSummary errors;
};

// Lines for each engine (without disaggregated rows, an approximation of their own), then each
// engine and protocol, then each engine, model and protocol; within a group in the order of Figure;
// groups in byte order.
[[nodiscard]] std::vector<ErrorLine> error_tables(const std::vector<ScoredRow>& rows);

}  // namespace eph::calibration
