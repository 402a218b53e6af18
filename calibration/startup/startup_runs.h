#pragma once
// vllm_startup.csv: seconds from process start to healthy, one row a start.
#include <string>
#include <vector>

#include "core/csv.h"
#include "core/result.h"
#include "models/catalog.h"
#include "models/startup.h"

namespace eph::calibration {

struct StartupRow {
  models::StartupQuery query;
  std::string machine, model;  // instance type, catalogue name
  double seconds = 0;
  std::string left_out;  // why no fit and no error table uses it; empty: used

  [[nodiscard]] bool cold() const { return query.kind != models::StartKind::warm; }
  [[nodiscard]] std::string host_class() const { return query.cloud + "|" + query.gpu; }
};

struct StartupTable {
  CsvTable table;
  std::vector<StartupRow> rows;  // by row of the table
};

// Header with nth_start_of_model and startup_s.
[[nodiscard]] bool is_startup_runs(const CsvTable& table);

// Kinds follow from the order of the rows: the first of an instance is fresh, other starts with
// nth_start_of_model 0 are cold, the rest warm. The tool starts each model with growing
// max_model_len; a "first" start above the smallest one stands after starts that failed (the
// table's limit is 300 s) and found part of the download done: left out.
[[nodiscard]] Result<StartupTable> read_startup_runs(CsvTable table,
                                                     const models::Catalog& catalog);

}  // namespace eph::calibration
