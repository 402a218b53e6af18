#pragma once
// What a cross-validation says: errors and interval coverage by group, and the rows that are worst.
#include <string>
#include <vector>

#include "calibration/held_out_row.h"
#include "calibration/interval.h"
#include "core/stats.h"

namespace eph::calibration {

struct CrossLine {
  std::vector<std::string> key;  // parallel to CrossTable::columns
  Figure figure = Figure::mean_tpot;
  ErrorSummary errors;
  Coverage coverage;
};

struct CrossTable {
  std::string name;                  // "engine", "protocol", "model", "load", "fold"
  std::vector<std::string> columns;  // what the keys are
  std::vector<CrossLine> lines;      // keys in byte order, then in the order of Figure
};

// By engine; engine and protocol; engine, protocol and model; for GuideLLM rows engine, load class
// and size class; engine and fold.
[[nodiscard]] std::vector<CrossTable> cross_tables(const std::vector<HeldOutRow>& rows);

// A row's largest |log(predicted / measured)| over the figures that a plan rests on (medians,
// means, the 95th percentile of TTFT and rates; no 99th percentiles of short runs).
struct WorstFigure {
  Figure figure = Figure::mean_tpot;
  double log_ratio = 0;
};
[[nodiscard]] std::optional<WorstFigure> worst_figure(const HeldOutRow& row);
// Indices of at most `count` rows by their worst figure, worst first; a row that was held out
// several times is there once.
[[nodiscard]] std::vector<std::size_t> worst_rows(const std::vector<HeldOutRow>& rows,
                                                  std::size_t count);

}  // namespace eph::calibration
