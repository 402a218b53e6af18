// trtllm-bench JSON reports (docs/FORMATS.md).
#include <cmath>

#include "calibration/readers/format.h"
#include "core/text.h"

namespace eph::calibration {
namespace {

bool matches(const Json& record) {
  return record.find("world_info") != nullptr && record.find("performance") != nullptr &&
         record.find("request_info") != nullptr;
}

struct Percentiles {
  std::string_view path, mean_path;  // of the distribution; of its mean, which is surely in ms
  Figure mean, p50, p90, p95, p99;
};

// The report does not name the unit of the streaming percentiles (versions differ: ms or ns). Their
// own average against the mean in ms tells it; otherwise they are left out.
std::optional<double> unit_of(Fields& from, const Percentiles& p) {
  const auto mean_ms = from.positive(p.mean_path);
  const auto average = from.positive(fmt::format("{}/average", p.path));
  if (!mean_ms || !average) return std::nullopt;
  for (const double to_ms : {1.0, 1e-6}) {
    if (std::abs(*average * to_ms / *mean_ms - 1) < 0.01) return to_ms;
  }
  return std::nullopt;
}

void read_percentiles(Fields& from, const Percentiles& p, double to_ms, MeasuredRun& run) {
  const auto read = [&](Figure figure, std::string_view name) {
    const auto value = from.positive(fmt::format("{}/{}", p.path, name));
    if (value) run.measured[figure] = *value * to_ms;
  };
  read(p.p50, "p50");
  read(p.p90, "p90");
  read(p.p95, "p95");
  read(p.p99, "p99");
}

void read_streaming(Fields& from, const Percentiles& p, MeasuredRun& run) {
  run.measured[p.mean] = from.positive(p.mean_path);
  if (!from.has(p.path)) return;
  const auto to_ms = unit_of(from, p);
  if (to_ms) {
    read_percentiles(from, p, *to_ms, run);
  } else {
    add_note(run, fmt::format("{}: of unknown unit, not read", p.path));
  }
}

// All requests are given to the engine at once, or one by one at issue_rate; --concurrency of the
// tool is not in the report.
void read_load(Fields& from, MeasuredRun& run) {
  run.load.emplace();
  run.load->in_process = true;
  run.load->requests = from.required_integer("request_info/num_requests", 1);
  const Json* rate = from.raw("world_info/issue_rate");
  if (rate != nullptr && rate->is_number() && std::isfinite(rate->as_double())) {
    run.protocol = Protocol::open_loop;
    run.load->rate = from.required_positive("world_info/issue_rate");
  } else {
    run.protocol = Protocol::closed_loop;
    run.concurrency = run.load->requests;
    run.concurrency_is_guess = true;
  }
}

void read_one(const RecordFile& file, const Json& record, ReadRuns& out) {
  Fields from(record, file.path, out.faults);
  MeasuredRun run = blank_run(file, record.line(), "trtllm-bench");
  run.engine = models::EngineKind::trtllm;
  run.engine_text = models::name(*run.engine);
  run.engine_version = from.text("engine/version");
  run.model = from.text("engine/model");
  run.gpu = from.text("machine/name");
  run.dtype = from.text("engine/quantization");
  if (run.dtype.empty() || to_lower(run.dtype) == "none") run.dtype = from.text("engine/dtype");
  run.settings.kv_dtype = from.text("engine/kv_cache_dtype");
  run.settings.max_num_seqs = from.integer("world_info/max_batch_size", 1, 0);
  run.settings.max_num_batched_tokens = from.integer("world_info/max_num_tokens", 1, 0);
  run.settings.memory_fraction = from.positive("world_info/kv_cache_percentage").value_or(0);
  run.layout.tensor = static_cast<int>(from.integer("world_info/tp_size", 1, 0));
  run.layout.pipeline = static_cast<int>(from.integer("world_info/pp_size", 1, 0));
  run.layout.expert = static_cast<int>(from.integer("world_info/ep_size", 1, 0));
  run.isl = mean_tokens(from.required_positive("request_info/avg_input_length"), 1);
  run.osl = mean_tokens(from.required_positive("request_info/avg_output_length"), 1);
  read_load(from, run);
  using F = Figure;
  run.measured[F::achieved_rps] = from.required_positive("performance/request_throughput_req_s");
  run.measured[F::output_tps] = from.positive("performance/system_output_throughput_tok_s");
  run.measured[F::total_tps] = from.positive("performance/system_total_throughput_tok_s");
  run.measured[F::e2e_mean] = from.positive("performance/avg_request_latency_ms");
  read_percentiles(from,
                   {"performance/request_latency_percentiles_ms", "", F::e2e_mean, F::e2e_p50,
                    F::e2e_p90, F::e2e_p95, F::e2e_p99},
                   1, run);
  read_streaming(from,
                 {"streaming_metrics/ttft_percentiles", "streaming_metrics/avg_ttft_ms",
                  F::mean_ttft, F::ttft_p50, F::ttft_p90, F::ttft_p95, F::ttft_p99},
                 run);
  read_streaming(from,
                 {"streaming_metrics/tpot_percentiles", "streaming_metrics/avg_tpot_ms",
                  F::mean_tpot, F::itl_p50, F::itl_p90, F::itl_p95, F::itl_p99},
                 run);
  if (from.has("decoding_stats")) run.problem = "speculative decoding is not simulated";
  out.runs.push_back(std::move(run));
}

void read(const RecordFile& file, ReadRuns& out) {
  for (const Json& record : file.records) read_one(file, record, out);
}

}  // namespace

RunFormat trtllm_bench_format() {
  return {"trtllm-bench report", "world_info, performance and request_info", matches, read};
}

}  // namespace eph::calibration
