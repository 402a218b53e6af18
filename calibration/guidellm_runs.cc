#include "calibration/guidellm_runs.h"

#include <span>

#include "calibration/row_cells.h"

namespace eph::calibration {
namespace {

Protocol parse_strategy(std::string_view text) {
  for (const Protocol p : {Protocol::synchronous, Protocol::constant, Protocol::throughput}) {
    if (text == name(p)) return p;
  }
  return Protocol::unknown;
}

MeasuredRun read_row(const CsvTable& table, std::size_t row, std::span<const Figure> figures,
                     Diagnostics& faults) {
  RowCells cells(table, row, faults);
  MeasuredRun run;
  run.row = row;
  run.line = table.line(row);
  run.engine_text = cells.text("engine");
  run.engine = models::parse_engine(run.engine_text);
  run.engine_version = cells.text("engine_version");
  run.gpu = cells.text("gpu");
  run.model = cells.text("model");
  run.dtype = cells.text("dtype");
  run.workload = cells.text("workload");
  run.host = cells.text("cloud") + " " + cells.text("instance");
  run.layout.tensor = static_cast<int>(cells.integer("tp", 1));
  run.isl = cells.integer("isl", 1);
  run.osl = cells.integer("osl", 1);
  run.max_model_len = cells.integer("max_model_len", 0, 0);
  run.protocol_text = cells.text("strategy");
  run.protocol = parse_strategy(run.protocol_text);
  run.concurrency = cells.integer("inflight_cap", 1);
  run.stage_s = cells.positive("stage_s").value_or(0);
  run.ramp_s = cells.non_negative("ramp_s", 0);
  run.load_fraction = cells.non_negative("load_fraction", 0);
  run.source = "Spare Cores sc-inspector-data";
  run.id = fmt::format("{}:{}", table.path(), run.line);
  for (const Figure f : figures) run.measured[f] = cells.positive(column_name(f));
  return run;
}

}  // namespace

bool is_guidellm_runs(const CsvTable& table) {
  return table.column("strategy") && table.column("inflight_cap") && table.column("stage_s");
}

Result<RunTable> read_guidellm_runs(CsvTable table) {
  Diagnostics faults;
  RunTable result;
  if (!require_columns(table,
                       {"engine", "engine_version", "gpu", "model", "dtype", "isl", "osl", "tp",
                        "strategy", "inflight_cap", "stage_s", "ramp_s"},
                       faults)) {
    return faults.combined();
  }
  for (std::size_t i = 0; i < kFigureCount; ++i) {
    const auto figure = static_cast<Figure>(i);
    if (table.column(column_name(figure))) result.figures.push_back(figure);
  }
  result.runs.reserve(table.rows());
  for (std::size_t row = 0; row < table.rows(); ++row) {
    result.runs.push_back(read_row(table, row, result.figures, faults));
    const MeasuredRun& run = result.runs.back();
    if (run.stage_s <= 0) {
      faults.add(
          row_error(table.path(), run.line, "no stage_s", "give the stage's length in seconds"));
    }
    if (run.protocol == Protocol::constant && !run.measured[Figure::achieved_rps]) {
      faults.add(row_error(table.path(), run.line, "constant strategy without achieved_rps",
                           "give the arrival rate in requests per second"));
    }
  }
  if (!faults.ok()) return faults.combined();
  result.table = std::move(table);
  return result;
}

}  // namespace eph::calibration
