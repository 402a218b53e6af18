#pragma once
// Our own table of runs: what `ephemeris import` writes (docs/FORMATS.md, "Runs table").
#include <span>
#include <vector>

#include "calibration/measured_run.h"
#include "core/csv.h"
#include "core/result.h"

namespace eph::calibration {

[[nodiscard]] bool is_own_table(const CsvTable& table);
[[nodiscard]] Result<RunTable> read_own_table(CsvTable table);
// Columns for what a run is and how it was loaded, then one for each figure that any run has. What
// a table cannot hold is lost: single requests leave their mean lengths, and recorded arrivals
// become an open loop of their mean rate and burstiness.
[[nodiscard]] CsvTable write_own_table(const std::string& path, std::span<const MeasuredRun> runs);
[[nodiscard]] std::vector<Figure> figures_in(std::span<const MeasuredRun> runs);

}  // namespace eph::calibration
