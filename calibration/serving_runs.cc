#include "calibration/serving_runs.h"

#include <algorithm>

#include "calibration/release_dates.h"
#include "calibration/row_cells.h"

namespace eph::calibration {
namespace {

Protocol parse_protocol(std::string_view text) {
  for (const Protocol p :
       {Protocol::inferencemax, Protocol::burst, Protocol::closed_loop_unknown_ramp}) {
    if (text == name(p)) return p;
  }
  return Protocol::unknown;
}

MeasuredRun read_row(const CsvTable& table, std::size_t row, Diagnostics& faults) {
  RowCells cells(table, row, faults);
  MeasuredRun run;
  run.row = row;
  run.line = table.line(row);
  run.id = cells.text("run_id");
  run.engine_text = cells.text("engine");
  run.engine = models::parse_engine(run.engine_text);
  run.engine_version = cells.text("engine_version");
  if (run.engine && run.engine_version.empty()) {
    const std::string day = cells.text("measured_on");
    run.engine_version = release_on(*run.engine, day);
    if (!run.engine_version.empty()) {
      run.note = fmt::format("version not recorded: taken as {}, the newest on {}", run.engine_version, day);
    }
  }
  run.gpu = cells.text("gpu");
  run.model = cells.text("model");
  run.dtype = cells.text("weights_dtype");
  run.disaggregated = cells.text("mode") == "disagg";
  // 0 for an empty cell: such a row is kept and says what it lacks.
  run.isl = cells.integer("isl", 1, 0);
  run.osl = cells.integer("osl", 1, 0);
  run.concurrency = cells.integer("concurrency", 1, 0);
  if (!run.disaggregated) {
    run.layout.tensor = static_cast<int>(cells.integer("tp", 1, 0));
    run.layout.pipeline = static_cast<int>(cells.integer("pp", 1, 1));
    // 0 stands for "not recorded" in some rows.
    run.layout.attention_data = static_cast<int>(std::max<std::int64_t>(1, cells.integer("attention_dp", 0, 1)));
    run.layout.expert = static_cast<int>(std::max<std::int64_t>(1, cells.integer("moe_ep", 0, 1)));
  }
  if (run.isl == 0 || run.osl == 0) run.problem = "isl or osl is not recorded";
  if (run.concurrency == 0) run.problem = "concurrency is not recorded";
  if (run.layout.tensor == 0) run.problem = "tp is not recorded";
  run.protocol_text = cells.text("protocol");
  run.protocol = parse_protocol(run.protocol_text);
  run.source = cells.text("source");
  run.measured[Figure::mean_ttft] = cells.positive(column_name(Figure::mean_ttft));
  run.measured[Figure::mean_tpot] = cells.positive(column_name(Figure::mean_tpot));
  return run;
}

}  // namespace

bool is_serving_runs(const CsvTable& table) {
  return table.column("protocol") && table.column("concurrency") && table.column("weights_dtype");
}

Result<RunTable> read_serving_runs(CsvTable table) {
  Diagnostics faults;
  RunTable result;
  if (!require_columns(table,
                       {"engine", "engine_version", "gpu", "model", "weights_dtype", "mode", "isl",
                        "osl", "concurrency", "tp", "protocol"},
                       faults)) {
    return faults.combined();
  }
  for (const Figure f : {Figure::mean_ttft, Figure::mean_tpot}) {
    if (table.column(column_name(f))) result.figures.push_back(f);
  }
  result.runs.reserve(table.rows());
  for (std::size_t row = 0; row < table.rows(); ++row) {
    result.runs.push_back(read_row(table, row, faults));
  }
  if (!faults.ok()) return faults.combined();
  result.table = std::move(table);
  return result;
}

}  // namespace eph::calibration
