// SGLang bench_serving result lines (docs/FORMATS.md).
#include "calibration/readers/client_bench.h"

namespace eph::calibration {
namespace {

bool matches(const Json& record) {
  return record.find("mean_e2e_latency_ms") != nullptr &&
         record.find("total_throughput") != nullptr && record.find("random_range_ratio") != nullptr;
}

// The server's own arguments: only an SGLang server has them to give.
void read_server(Fields& from, MeasuredRun& run) {
  const Json* info = from.raw("server_info");
  if (info == nullptr || !info->is_object()) return;
  run.engine = models::EngineKind::sglang;
  run.engine_text = models::name(*run.engine);
  run.engine_is_client = false;
  run.model = from.text("server_info/model_path");
  run.engine_version = from.text("server_info/version");
  run.layout.tensor = static_cast<int>(from.integer("server_info/tp_size", 1, 0));
  run.layout.pipeline = static_cast<int>(from.integer("server_info/pp_size", 1, 0));
  run.layout.expert = static_cast<int>(from.integer("server_info/ep_size", 1, 0));
  run.dtype = from.text("server_info/quantization");
  run.settings.kv_dtype = from.text("server_info/kv_cache_dtype");
  run.settings.max_num_seqs = from.integer("server_info/max_running_requests", 1, 0);
  run.settings.max_num_batched_tokens = from.integer("server_info/max_prefill_tokens", 1, 0);
  run.settings.chunk_tokens = from.integer("server_info/chunked_prefill_size", -1, 0);
  run.settings.memory_fraction = from.positive("server_info/mem_fraction_static").value_or(0);
}

// Random lengths are uniform in [ratio * length, length].
void read_lengths(Fields& from, std::int64_t completed, MeasuredRun& run) {
  const auto n = static_cast<double>(completed);
  run.isl = mean_tokens(from.required_positive("total_input_tokens"), n);
  run.osl = mean_tokens(from.required_positive("total_output_tokens"), n);
  if (!from.text("dataset_name").starts_with("random")) return;
  run.isl = from.integer("random_input_len", 1, run.isl);
  run.osl = from.integer("random_output_len", 1, run.osl);
  run.load->shortest_share = from.number("random_range_ratio").value_or(1.0);
  if (run.load->shortest_share >= 0 && run.load->shortest_share <= 1) return;
  from.fault("random_range_ratio", fmt::format("{} is not in 0..1", run.load->shortest_share),
             "it is the shortest length over the longest");
}

void read_one(const RecordFile& file, const Json& record, ReadRuns& out) {
  Fields from(record, file.path, out.faults);
  MeasuredRun run = blank_run(file, record.line(), "sglang bench_serving");
  read_backend(from, run);
  read_server(from, run);
  const std::int64_t completed = from.required_integer("completed", 1);
  read_client_load(from, completed, run);
  read_lengths(from, completed, run);
  run.measured[Figure::achieved_rps] = from.required_positive("request_throughput");
  run.measured[Figure::output_tps] = from.positive("output_throughput");
  run.measured[Figure::total_tps] = from.required_positive("total_throughput");
  if (!read_details(from, run)) {
    using F = Figure;
    read_latencies(from, "ttft", F::mean_ttft, F::ttft_p50, F::ttft_p90, F::ttft_p95, F::ttft_p99,
                   run);
    read_latencies(from, "tpot", F::mean_tpot, F::itl_p50, F::itl_p90, F::itl_p95, F::itl_p99, run);
    read_latencies(from, "e2e_latency", F::e2e_mean, F::e2e_p50, F::e2e_p90, F::e2e_p95, F::e2e_p99,
                   run);
  } else {
    run.load->shortest_share = 1.0;  // the lengths themselves are known
  }
  if (from.has("accept_length")) run.problem = "speculative decoding is not simulated";
  if (from.has("mean_itl_ms")) add_note(run, "itl: gaps between chunks, not read");
  out.runs.push_back(std::move(run));
}

void read(const RecordFile& file, ReadRuns& out) {
  for (const Json& record : file.records) read_one(file, record, out);
}

}  // namespace

RunFormat sglang_serving_format() {
  return {"sglang bench_serving", "mean_e2e_latency_ms, total_throughput and random_range_ratio",
          matches, read};
}

}  // namespace eph::calibration
