#pragma once
// Held-out rows as a table for spreadsheets and notebooks.
#include <string>
#include <string_view>
#include <vector>

#include "calibration/held_out_row.h"

namespace eph::calibration {

// A line for each row: what identifies it, then for each figure that any row counts the measured
// value (by its column name), pred_, low_ and high_ (the 90 % interval, interval.h) and a status.
// Cells that do not apply are empty.
[[nodiscard]] std::string held_out_csv(const std::vector<HeldOutRow>& rows,
                                       std::string_view scheme);

}  // namespace eph::calibration
