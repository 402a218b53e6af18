#pragma once
// One row that was predicted by a fit which had not seen it.
#include <string>

#include "calibration/error_table.h"

namespace eph::calibration {

// What tells a measured row from all others, for tables that people read.
struct RowFacts {
  std::string id, file;
  std::int64_t line = 0;
  std::string engine, engine_version, gpu, model, weights;
  int tensor_parallel = 1;
  std::int64_t isl = 0, osl = 0, concurrency = 0;
  std::string protocol, host, workload;
  double load_fraction = 0;  // 0: not given
  double parameters = 0;     // of the model
};

struct HeldOutRow {
  RowFacts facts;
  std::string fold;
  // Rows of one unit may err together (a curve, or all that one fold held out): the interval of a
  // row rests on other units.
  std::string unit;
  ScoredRow score;   // `scored`: the figures that the scheme counts
  FigureSet log_sd;  // the fit's own deviation of log(measured / predicted), where it states one
  FigureSet half_width;  // of log(measured / predicted) in the prediction interval; see interval.h
};

// The classes in which errors are alike: GuideLLM loads by strategy, constant ones below and above
// 0.9 of the throughput row's rate (docs/VALIDATION.md "Protocols"); other rows by protocol.
[[nodiscard]] std::string load_class(const RowFacts& facts);
// ">= 2B", "1B-2B" or "< 1B" parameters.
[[nodiscard]] std::string size_class(const RowFacts& facts);
[[nodiscard]] bool is_sweep(const RowFacts& facts);  // a GuideLLM row

}  // namespace eph::calibration
