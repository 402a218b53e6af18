#pragma once
// Reads hand-written result files of benchmark tools.
#include <catch2/catch.hpp>

#include "calibration/run_table.h"
#include "tests/unit/calibration/calibration_support.h"

namespace eph::calibration {

// All runs of a file with this text; what it lacks may be missing.
inline std::vector<MeasuredRun> read_runs(const std::string& name, const std::string& text) {
  const auto table = load_runs(write_temporary(name, text), {}, true);
  INFO((table ? std::string() : table.error().text()));
  REQUIRE(table.has_value());
  return table->runs;
}

inline Error read_error(const std::string& name, const std::string& text) {
  const auto table = load_runs(write_temporary(name, text), {}, true);
  REQUIRE_FALSE(table.has_value());
  return table.error();
}

inline void check_figure(const MeasuredRun& run, Figure figure, double expected) {
  INFO(column_name(figure));
  REQUIRE(run.measured[figure].has_value());
  CHECK(*run.measured[figure] == Approx(expected).epsilon(1e-9));
}

inline void check_absent(const MeasuredRun& run, Figure figure) {
  INFO(column_name(figure));
  CHECK_FALSE(run.measured[figure].has_value());
}

// `text` with one part replaced, which must be there.
inline std::string with(std::string text, const std::string& part, const std::string& other) {
  const std::size_t at = text.find(part);
  REQUIRE(at != std::string::npos);
  return text.replace(at, part.size(), other);
}

}  // namespace eph::calibration
