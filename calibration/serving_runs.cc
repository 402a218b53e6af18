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

models::Parallelism read_layout(RowCells& cells, const CsvTable& table, std::string_view prefix) {
  const auto degree = [&](std::string_view what, std::int64_t absent) {
    const std::string column = fmt::format("{}{}", prefix, what);
    return table.column(column) ? static_cast<int>(cells.integer(column, 0, absent))
                                : static_cast<int>(absent);
  };
  models::Parallelism layout;
  layout.tensor = degree("tp", 0);
  layout.pipeline = std::max(1, degree("pp", 1));
  // 0 stands for "not recorded" in some rows.
  layout.attention_data = std::max(1, degree("attention_dp", 1));
  layout.expert = std::max(1, degree("moe_ep", 1));
  return layout;
}

int workers(RowCells& cells, const CsvTable& table, std::string_view column) {
  return table.column(column) ? static_cast<int>(cells.integer(column, 1, 1)) : 1;
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
      run.note = fmt::format("version not recorded: taken as {}, the newest on {}",
                             run.engine_version, day);
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
  if (run.disaggregated) {
    run.layout = read_layout(cells, table, "decode_");
    run.prefill_layout = read_layout(cells, table, "prefill_");
    // Tables without the columns do not say; an empty cell is taken as one worker.
    run.prefill_workers = workers(cells, table, "prefill_workers");
    run.decode_workers = workers(cells, table, "decode_workers");
  } else {
    run.layout = read_layout(cells, table, "");
  }
  if (run.isl == 0 || run.osl == 0) run.problem = "isl or osl is not recorded";
  if (run.concurrency == 0) run.problem = "concurrency is not recorded";
  if (run.layout.tensor == 0) run.problem = "tp is not recorded";
  if (run.disaggregated && run.prefill_layout.tensor == 0)
    run.problem = "tp of the prefill workers is not recorded";
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
