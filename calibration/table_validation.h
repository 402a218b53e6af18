#pragma once
// What validating a table that is no set of serving runs gives: start-ups, llama-bench rows.
#include <cstddef>
#include <string>
#include <vector>

#include "core/stats.h"

namespace eph::calibration {

// Errors of one figure under one way of holding rows out; `part` is a group of rows or "all".
struct SplitError {
  std::string split;   // "shipped", "one machine held out", ...
  std::string figure;  // the measured column
  std::string part;
  ErrorSummary errors;
  double coverage90 = -1;  // share of rows inside the 90 % interval; below 0: none was predicted
};

struct TableValidation {
  std::size_t rows = 0, scored = 0;
  std::vector<std::string> left_out;  // reason of each row that is not scored
  std::vector<SplitError> errors;
  std::string csv;  // the table with its pred_ columns and a status
};

struct TableValidateOptions {
  std::string runs, out;
  bool held_out = true;  // refit without each group; false: the shipped model only
};

}  // namespace eph::calibration
