#pragma once
// Error tables of calibration and validation.
#include <string>
#include <vector>

#include "calibration/error_table.h"
#include "core/json_doc.h"

namespace eph::app {

[[nodiscard]] std::string error_text(const std::vector<calibration::ErrorLine>& lines);
[[nodiscard]] Json error_json(const std::vector<calibration::ErrorLine>& lines);

}  // namespace eph::app
