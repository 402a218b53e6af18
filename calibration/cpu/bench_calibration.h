#pragma once
// `ephemeris calibrate --engine llamacpp` and `ephemeris validate` of a llama-bench table.
#include <string>
#include <vector>

#include "calibration/cpu/bench_runs.h"
#include "calibration/table_validation.h"
#include "core/result.h"
#include "models/catalog.h"
#include "models/cpu_profile.h"

namespace eph::calibration {

struct BenchCalibration {
  models::CpuProfile profile;
  std::vector<SplitError> errors;
  std::size_t rows = 0, used = 0;
};

// Fits <data>/cpu/llama_bench_cpu.csv.gz and, where it is, llama_bench_gpu.csv.gz; measures the
// errors with an eighth of the machines and with one model held out, and takes the spreads from
// them. Writes `out` unless it is empty.
[[nodiscard]] Result<BenchCalibration> calibrate_bench(const std::string& data_folder,
                                                       const std::string& out,
                                                       const std::string& command,
                                                       const models::Catalog& catalog, int threads);

// Predicts each row with the given or shipped profile, and measures held-out errors on this table.
[[nodiscard]] Result<TableValidation> validate_bench(CsvTable table,
                                                     const TableValidateOptions& options,
                                                     const std::string& profile, int threads,
                                                     const models::Catalog& catalog);

}  // namespace eph::calibration
