#include "calibration/run_table.h"

#include "calibration/guidellm_runs.h"
#include "calibration/max_throughput_runs.h"
#include "calibration/serving_runs.h"

namespace eph::calibration {

Result<RunTable> load_runs(const std::string& path) {
  auto table = CsvTable::load(path);
  if (!table) return table.error();
  if (is_serving_runs(*table)) return read_serving_runs(std::move(*table));
  if (is_guidellm_runs(*table)) return read_guidellm_runs(std::move(*table));
  if (is_max_throughput_runs(*table)) return read_max_throughput_runs(std::move(*table));
  return row_error(path, 1, "the header fits no known table of measured runs",
                   "serving runs have protocol, concurrency and weights_dtype; GuideLLM sweeps "
                   "strategy, inflight_cap and stage_s; maximum throughput tables trtllm_version "
                   "and output_tok_s_total");
}

}  // namespace eph::calibration
