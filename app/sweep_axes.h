#pragma once
// The axes of a sweep: which fields of a scenario take which values.
#include <string>
#include <vector>

#include "core/result.h"

namespace eph::app {

struct Axis {
  std::string flag;                 // of the field, without dashes
  std::string name;                 // the field's key: the column of the results
  std::string section;              // "deployment", "workload", ...
  std::vector<std::string> values;  // as the command line writes them; no two alike
};

// "replicas=1..64", "replicas=1..64..8" (every eighth), "rate_scale=0.5,1,2": a field by its key,
// its flag or section/key. Whole-number ranges include both ends.
[[nodiscard]] Result<Axis> parse_axis(const std::string& text);

// Every combination, the last axis fastest: a value of each axis by its index.
[[nodiscard]] std::vector<std::vector<std::size_t>> product(const std::vector<Axis>& axes);

}  // namespace eph::app
