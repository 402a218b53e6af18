#pragma once
// `ephemeris calibrate --coldstart` and `ephemeris validate` of a start-up table.
#include <string>
#include <vector>

#include "calibration/startup/startup_runs.h"
#include "calibration/table_validation.h"
#include "core/result.h"
#include "models/catalog.h"
#include "models/startup.h"

namespace eph::calibration {

struct StartupCalibration {
  models::StartupModel model;
  std::vector<SplitError> errors;
  std::size_t rows = 0, used = 0;
};

// Fits all rows, measures the error with one machine, one model, one host class held out, and takes
// the spreads from it. Writes `out` unless it is empty.
[[nodiscard]] Result<StartupCalibration> calibrate_startup(const std::string& runs,
                                                           const std::string& out,
                                                           const std::string& command,
                                                           const models::Catalog& catalog);

// Predicts each row with the shipped model of vLLM, and measures held-out errors.
[[nodiscard]] Result<TableValidation> validate_startup(CsvTable table,
                                                       const TableValidateOptions& options,
                                                       const models::Catalog& catalog);

}  // namespace eph::calibration
