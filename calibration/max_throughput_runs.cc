#include "calibration/max_throughput_runs.h"

#include "calibration/row_cells.h"
#include "core/text.h"

namespace eph::calibration {

bool is_max_throughput_runs(const CsvTable& table) {
  return table.column("trtllm_version") && table.column("output_tok_s_total");
}

Result<RunTable> read_max_throughput_runs(CsvTable table) {
  Diagnostics faults;
  RunTable result;
  if (!require_columns(table, {"model", "precision", "gpu", "tp", "isl", "osl"}, faults)) {
    return faults.combined();
  }
  result.figures = {Figure::max_output_tps};
  for (std::size_t row = 0; row < table.rows(); ++row) {
    RowCells cells(table, row, faults);
    MeasuredRun run;
    run.row = row;
    run.line = table.line(row);
    run.id = fmt::format("{}:{}", table.path(), run.line);
    run.engine_text = "trtllm";
    run.engine = models::EngineKind::trtllm;
    run.engine_version = cells.text("trtllm_version");
    run.gpu = cells.text("gpu");
    run.model = cells.text("model");
    run.dtype = to_lower(cells.text("precision"));
    run.layout.tensor = static_cast<int>(cells.integer("tp", 1));
    // "attention_dp in llm_options": every GPU has whole attention layers and requests of its own,
    // experts are spread.
    if (cells.text("note").find("attention_dp") != std::string::npos) {
      run.layout = {.tensor = 1,
                    .pipeline = 1,
                    .expert = run.layout.tensor,
                    .attention_data = run.layout.tensor};
    }
    run.isl = cells.integer("isl", 1);
    run.osl = cells.integer("osl", 1);
    run.protocol = Protocol::offline;
    run.protocol_text = name(run.protocol);
    run.source = "NVIDIA TensorRT-LLM documentation";
    run.measured[Figure::max_output_tps] = cells.positive("output_tok_s_total");
    result.runs.push_back(std::move(run));
  }
  if (!faults.ok()) return faults.combined();
  result.table = std::move(table);
  return result;
}

}  // namespace eph::calibration
