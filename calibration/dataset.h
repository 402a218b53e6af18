#pragma once
// The measured rows that one engine's calibration uses, planned and grouped into curves.
#include <cstdint>
#include <string>
#include <vector>

#include "calibration/protocol.h"
#include "calibration/run_facts.h"
#include "core/result.h"
#include "models/catalog.h"

namespace eph::calibration {

struct DataRow {
  RunPlan plan;
  std::string file;  // name inside the data folder
  std::string source;
  std::string id;         // of the run in its table, or "file:line" where it has none
  std::int64_t line = 0;  // in its file
  std::string model, engine_version;
  std::string host;          // GuideLLM: "<cloud> <instance>"; empty: not told
  std::string machine;       // `host`, or for a repetition the machine whose rows it repeats
  std::string workload;      // GuideLLM: the name of its lengths
  double load_fraction = 0;  // GuideLLM: rate over the throughput row's; 0: not given
  int tensor_parallel = 1;
  std::int64_t isl = 0, osl = 0, concurrency = 0;
  bool fitted = true;  // false: a repetition of other rows, scored but not fitted
  RunPlan fit_plan;    // what fits simulate: `plan`, or a shorter stage of the same load
  // Operating points that differ only in load share a curve and are held out together; so do the
  // same points on identical machines.
  std::string curve;
};

struct Dataset {
  std::vector<DataRow> rows;
  std::vector<std::string> skipped;  // "file:line: why" of rows of this engine and GPU not usable
};

// Reads h100/serving_runs.csv and h100/guidellm_sweeps.csv below `data_folder` (at least one must
// be there) and keeps the rows of `engine` on `gpu` (catalogue name) that have anything to score.
[[nodiscard]] Result<Dataset> load_dataset(const std::string& data_folder,
                                           models::EngineKind engine, const std::string& gpu,
                                           const models::Catalog& catalog);

// Adds the runs of a user's own file (any format of load_runs) of that engine and GPU. An error
// when none of them can be used.
[[nodiscard]] Result<void> add_measured_runs(const std::string& path, const RunFacts& facts,
                                             models::EngineKind engine, const std::string& gpu,
                                             const models::Catalog& catalog, Dataset& out);

// Which rows are held out: whole curves, at random, until `share` of the rows are. Same seed, same
// rows.
[[nodiscard]] std::vector<bool> hold_out_curves(const std::vector<DataRow>& rows, double share,
                                                std::uint64_t seed);

// A stage that is long against its requests, cut to about as many of them as its percentiles need:
// open and one-at-a-time loads are stationary, so fits see the same figures in less time.
[[nodiscard]] RunPlan shortened(const RunPlan& plan);

// Mean number of decoding sequences: one, the loop's concurrency, or by Little's law what a sweep
// measured.
[[nodiscard]] double mean_decode_batch(const DataRow& row);

// The figures of a row that a fit looks at (docs/VALIDATION.md, "Fit").
[[nodiscard]] std::vector<Figure> fitted_figures(const RunPlan& plan);

}  // namespace eph::calibration
