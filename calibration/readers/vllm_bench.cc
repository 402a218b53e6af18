// `vllm bench serve` result files, plain and with --save-detailed (docs/FORMATS.md).
#include "calibration/readers/client_bench.h"

namespace eph::calibration {
namespace {

bool matches(const Json& record) {
  return record.find("request_throughput") != nullptr &&
         record.find("total_token_throughput") != nullptr && record.find("mean_ttft_ms") != nullptr;
}

// Pairs of --metadata are texts at the top level under names that the user chose; these are usual.
void read_metadata(Fields& from, MeasuredRun& run) {
  for (const char* key : {"tensor_parallel_size", "tp"}) {
    if (from.has(key)) run.layout.tensor = static_cast<int>(from.integer(key, 1, 0));
  }
  if (from.has("gpu")) run.gpu = from.text("gpu");
  if (from.has("engine_version")) run.engine_version = from.text("engine_version");
}

void read_one(const RecordFile& file, const Json& record, ReadRuns& out) {
  Fields from(record, file.path, out.faults);
  MeasuredRun run = blank_run(file, record.line(), "vllm bench serve");
  read_backend(from, run);
  run.model = from.text("model_id");
  read_metadata(from, run);
  const std::int64_t completed = from.required_integer("completed", 1);
  const std::int64_t sent = from.integer("num_prompts", 1, completed);
  run.isl =
      mean_tokens(from.required_positive("total_input_tokens"), static_cast<double>(completed));
  run.osl =
      mean_tokens(from.required_positive("total_output_tokens"), static_cast<double>(completed));
  read_client_load(from, sent, run);
  if (from.has("ramp_up_strategy")) run.problem = "a ramp-up of the request rate is not simulated";
  run.measured[Figure::achieved_rps] = from.required_positive("request_throughput");
  run.measured[Figure::output_tps] = from.positive("output_throughput");
  run.measured[Figure::total_tps] = from.required_positive("total_token_throughput");
  if (!read_details(from, run)) {
    using F = Figure;
    read_latencies(from, "ttft", F::mean_ttft, F::ttft_p50, F::ttft_p90, F::ttft_p95, F::ttft_p99,
                   run);
    read_latencies(from, "tpot", F::mean_tpot, F::itl_p50, F::itl_p90, F::itl_p95, F::itl_p99, run);
    read_latencies(from, "e2el", F::e2e_mean, F::e2e_p50, F::e2e_p90, F::e2e_p95, F::e2e_p99, run);
    if (sent > completed)
      add_note(run, fmt::format("{} of {} requests failed", sent - completed, sent));
  }
  if (from.has("mean_itl_ms")) add_note(run, "itl: gaps between chunks, not read");
  out.runs.push_back(std::move(run));
}

void read(const RecordFile& file, ReadRuns& out) {
  for (const Json& record : file.records) read_one(file, record, out);
}

}  // namespace

RunFormat vllm_bench_format() {
  return {"vllm bench serve", "request_throughput, total_token_throughput and mean_ttft_ms",
          matches, read};
}

}  // namespace eph::calibration
