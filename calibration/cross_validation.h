#pragma once
// Held-out errors: refits each engine without part of its rows, for each part of a scheme, and
// predicts that part. What `ephemeris validate --cross` does.
#include <functional>
#include <string>
#include <vector>

#include "calibration/cross_tables.h"
#include "calibration/engine_fit.h"
#include "calibration/folds.h"
#include "calibration/held_out_row.h"
#include "core/result.h"
#include "models/catalog.h"

namespace eph::calibration {

struct CrossOptions {
  std::string data_folder;                  // as for calibrate
  std::vector<models::EngineKind> engines;  // at least one
  std::string gpu = "h100-sxm";             // catalogue name
  FoldOptions folds;
  FitOptions fit;  // its seed and threads are set from those below
  std::uint64_t seed = 1;
  int threads = 0;  // 0: as many as the machine has; the results do not depend on it
  // Of leave_one_instance_out: the speed of an unseen host is found from one of its synchronous
  // runs (host_from_run.h), which is then not counted.
  bool host_from_run = false;
  // Count (and hold fits for) these only; empty: all. Nothing else changes: fits see the same rows.
  std::vector<std::string> protocols, models;
};

// One refit.
struct FoldResult {
  std::string engine, name;
  std::size_t fitted_rows = 0, held_rows = 0, simulations = 0;
};

struct CrossReport {
  std::vector<HeldOutRow> rows;  // by engine, fold, row
  std::vector<FoldResult> folds;
  std::vector<std::string> notes;  // what was skipped, and why
  std::vector<CrossTable> tables;
  std::vector<std::size_t> worst;  // in `rows`; see worst_rows
};

// Told when a fit starts and when it is done: "vllm: without 2 of 5", fits done, fits in total.
using CrossProgress =
    std::function<void(const std::string& what, std::size_t done, std::size_t total)>;

// Error: unreadable data, bad options, or nothing to hold out (with the reason for each engine).
[[nodiscard]] Result<CrossReport> cross_validate(const CrossOptions& options,
                                                 const models::Catalog& catalog,
                                                 const CrossProgress& progress = {});

}  // namespace eph::calibration
