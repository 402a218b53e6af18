// AIPerf and genai-perf summaries in JSON (docs/FORMATS.md).
#include "calibration/readers/aiperf_summary.h"

namespace eph::calibration {
namespace {

bool matches(const Json& record) {
  return record.at_path("request_latency/unit") != nullptr &&
         record.find("input_config") != nullptr;
}

void read_metric(Fields& from, const std::string& tag, AiperfMetrics& metrics) {
  AiperfMetric metric;
  metric.unit = from.text(tag + "/unit");
  metric.place = "/" + tag + "/unit";
  for (const char* name : {"avg", "p50", "p90", "p95", "p99"}) {
    if (const auto value = from.number(fmt::format("{}/{}", tag, name)))
      metric.statistics[name] = *value;
  }
  metrics[tag] = std::move(metric);
}

// AIPerf nests the settings by subject, genai-perf keeps them flat.
void read_load(Fields& from, MeasuredRun& run) {
  const auto key = [&](std::string_view name) {
    const std::string nested = fmt::format("input_config/loadgen/{}", name);
    return from.has(nested) ? nested : fmt::format("input_config/{}", name);
  };
  run.concurrency = from.integer(key("concurrency"), 1, 0);
  const auto rate = from.positive(key("request_rate"));
  if (rate) {
    const std::string mode = from.text(key("request_rate_mode"));
    run.protocol = Protocol::open_loop;
    run.load->rate = *rate;
    run.load->burstiness = mode == "constant" ? 0 : 1;
    run.protocol_text = mode;
  } else if (run.concurrency > 0) {
    run.protocol = Protocol::closed_loop;
  }
}

void read_one(const RecordFile& file, const Json& record, ReadRuns& out) {
  Fields from(record, file.path, out.faults);
  MeasuredRun run = blank_run(file, record.line(), "aiperf");
  AiperfMetrics metrics;
  for (const char* tag : {"request_throughput", "request_latency", "request_count",
                          "time_to_first_token", "inter_token_latency", "output_token_throughput",
                          "input_sequence_length", "output_sequence_length"}) {
    if (from.has(tag)) read_metric(from, tag, metrics);
  }
  use_aiperf_metrics(metrics, file.path, run, out.faults);
  read_load(from, run);
  for (const char* key : {"input_config/endpoint/model_names/0", "input_config/model/0"}) {
    if (run.model.empty() && from.has(key)) run.model = from.text(key);
  }
  if (from.has("was_cancelled") && from.flag("was_cancelled")) {
    run.problem = "the benchmark was cancelled";
  }
  from.required_positive("request_latency/avg");
  out.runs.push_back(std::move(run));
}

void read(const RecordFile& file, ReadRuns& out) {
  for (const Json& record : file.records) read_one(file, record, out);
}

}  // namespace

RunFormat aiperf_format() {
  return {"aiperf or genai-perf summary", "request_latency/unit and input_config", matches, read};
}

}  // namespace eph::calibration
