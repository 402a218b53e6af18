#pragma once
// Cross-validation for people: aligned tables on a terminal, and the cells they share with the
// report.
#include <string>
#include <vector>

#include "app/cross_document.h"

namespace eph::app {

[[nodiscard]] std::string cross_text(const CrossDocument& document);

// Cells of one line, without the keys: figure, n, MAPE, median, p90, bias, share inside the
// interval and its half-width ("-" where no prediction has an interval).
[[nodiscard]] std::vector<std::string> error_header();
[[nodiscard]] std::vector<std::string> error_cells(const calibration::CrossLine& line);
[[nodiscard]] std::vector<std::string> worst_header();
[[nodiscard]] std::vector<std::string> worst_cells(const WorstLine& line);

}  // namespace eph::app
