#pragma once
// Predicts measured rows and compares: what `ephemeris validate` does.
#include <functional>
#include <string>
#include <vector>

#include "calibration/error_table.h"
#include "calibration/log_timeline.h"
#include "calibration/measured_run.h"
#include "calibration/request_log.h"
#include "calibration/run_facts.h"
#include "calibration/run_options.h"
#include "core/result.h"
#include "models/catalog.h"
#include "models/profile.h"

namespace eph::calibration {

struct ValidateOptions {
  std::string runs;  // any file of load_runs, or a request-log folder
  RunFacts facts;    // what the file does not say
  RunOptions
      engine_options;  // in place of what its runs had; other engines' rows are not predicted
  std::string out;     // the table with predictions; empty: none is written
  std::vector<std::string> profiles;  // files; empty: those in the data folder
  std::uint64_t seed = 1;
  int threads = 0;  // 0: as many as the machine has
  // Request logs only.
  LogFacts log_facts;
  bool second_half = false;  // score the second half; without a profile, fit it on the first
  std::string series;        // running, waiting and KV over time; empty: not written
};

// One figure of a whole run.
struct ComparedFigure {
  std::string what, unit;  // "TTFT p95", "s"
  double measured = 0, predicted = 0;
  [[nodiscard]] double error_percent() const { return 100 * (predicted / measured - 1); }
};

struct ValidatedRow {
  FigureSet predicted;
  std::string status;  // "ok", or why there is no prediction or no score
  std::string note;    // of an ok row: which of its figures are not scored, and why
  bool ok = false;     // predicted and scored
};

struct ValidateReport {
  std::size_t rows = 0, predicted = 0, not_predicted = 0, left_out = 0;
  std::vector<ValidatedRow> results;  // by row of the input
  std::vector<ErrorLine> errors;
  std::vector<ComparedFigure> compared;  // of a request log
  LogTimeline timeline;                  // of a request log that has one
  std::vector<std::string> notes;        // what a reader of the figures has to know
  std::vector<ScoredRow> scored;         // what `errors` sums up
};

// Called with rows done and rows in total, from any thread, one call at a time.
using ValidateProgress = std::function<void(std::size_t done, std::size_t total)>;

[[nodiscard]] Result<ValidateReport> validate(const ValidateOptions& options,
                                              const models::Catalog& catalog,
                                              const ValidateProgress& progress = {});

// The profile for an engine on a GPU: an exact match, else one of that engine on another GPU (its
// coefficients scale data-sheet rates, so they carry over with the errors docs/VALIDATION.md
// gives).
[[nodiscard]] const models::EngineProfile* find_profile(
    const std::vector<models::EngineProfile>& profiles, models::EngineKind engine,
    const std::string& gpu);
// `files`, or every *.json in <catalog folder>/profiles when it is empty.
[[nodiscard]] Result<std::vector<models::EngineProfile>> load_profiles(
    const std::vector<std::string>& files, const models::Catalog& catalog);

}  // namespace eph::calibration
