#pragma once
// Tiny hand-made tables for the calibration tests.
#include <string>

#include "calibration/measured_run.h"
#include "models/catalog.h"

namespace eph::calibration {

// Writes `text` below the test's output folder and returns the path.
std::string write_temporary(const std::string& name, const std::string& text);
models::Catalog shipped_catalog();

// Header and one row of each table; the rows are made up.
extern const char* const kServingHeader;
extern const char* const kGuidellmHeader;
std::string serving_row(const std::string& engine, const std::string& model,
                        const std::string& dtype, int isl, int osl, int concurrency, int tp,
                        const std::string& protocol, const std::string& ttft = "100",
                        const std::string& tpot = "10");

// A row of serving_runs.csv as the reader returns it.
MeasuredRun read_one(const std::string& row);
MeasuredRun read_one_sweep(const std::string& row);

}  // namespace eph::calibration
