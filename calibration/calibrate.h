#pragma once
// Fits an engine's profile on measured data: what `ephemeris calibrate` does.
#include <functional>
#include <string>
#include <vector>

#include "calibration/dataset.h"
#include "calibration/error_table.h"
#include "core/result.h"
#include "models/catalog.h"
#include "models/profile.h"

namespace eph::calibration {

struct CalibrateOptions {
  models::EngineKind engine = models::EngineKind::vllm;
  std::string
      data_folder;  // holds h100/serving_runs.csv and h100/guidellm_sweeps.csv; may be empty
  std::vector<std::string> runs;  // the user's own files, any format of load_runs
  RunFacts facts;                 // what those do not say
  std::string gpu = "h100-sxm";   // catalogue name
  std::string out;                // profile file; empty: none is written
  double held_out = 0.3;          // share of rows, by whole curves; 0: no held-out fit
  int splits = 1;                 // held-out fits with different curves; their errors are pooled
  std::uint64_t seed = 1;
  int threads = 0;  // 0: as many as the machine has
  int max_iterations = 4;
  int linearisations = 1;
  std::string command;  // written into the profile

  [[nodiscard]] Result<void> validate() const;
};

struct CalibrateReport {
  models::EngineProfile profile;
  std::string fit;                    // brief report of the fit on all rows
  std::size_t simulations = 0;        // of the fit on all rows, derivatives included
  std::vector<std::string> held_out;  // one per split, each without its held-out rows
  std::vector<ErrorLine> in_sample, held_out_errors;
  std::vector<std::string> skipped;  // rows that no fit used, with the reason
  std::size_t rows = 0, held_out_rows = 0;
};

// Told at the start of each fit: "fit on all rows", 1 of 2.
using CalibrateProgress = std::function<void(const std::string& what, int number, int of)>;

[[nodiscard]] Result<CalibrateReport> calibrate(const CalibrateOptions& options,
                                                const models::Catalog& catalog,
                                                const CalibrateProgress& progress = {});

}  // namespace eph::calibration
