// GuideLLM before 0.3, and Modal stopwatch, which lists the same benchmark objects
// (docs/FORMATS.md).
#include "calibration/readers/guidellm_common.h"

namespace eph::calibration {
namespace {

constexpr std::string_view kTool = "guidellm (before 0.3)";

bool is_benchmark(const Json& record) {
  const Json* type = record.find("type_");
  return type != nullptr && type->is_string() && type->as_string() == "generative_benchmark" &&
         record.find("metrics") != nullptr && record.find("scheduler_metrics") == nullptr;
}

bool matches(const Json& record) {
  if (is_benchmark(record)) return true;
  const Json* first = record.at_path("benchmarks/0");
  return first != nullptr && is_benchmark(*first);
}

std::optional<RequestTimes> read_request(Fields& from) {
  RequestTimes r;
  const auto start = from.number("start_time"), first = from.number("first_token_time"),
             last = from.number("last_token_time");
  r.prompt_tokens = static_cast<std::int32_t>(from.integer("prompt_tokens", 0, 0));
  r.output_tokens = static_cast<std::int32_t>(from.integer("output_tokens", 0, 0));
  if (!start || !first || !last || r.prompt_tokens < 1 || r.output_tokens < 1) return std::nullopt;
  r.sent_s = *start;
  r.ttft_s = *first - *start;
  r.e2e_s = *last - *start;
  if (r.ttft_s >= 0 && r.e2e_s >= r.ttft_s) return r;
  from.fault("last_token_time", "a token is earlier than what comes before it",
             "start_time, first_token_time and last_token_time are in this order");
  return std::nullopt;
}

// The stage ended after max_number requests or after a time; warm-up is not in the lists.
void read_stage(Fields& from, MeasuredRun& run) {
  const std::int64_t most = from.integer("args/max_number", 1, 0);
  const auto longest = from.positive("args/max_duration");
  if (most > 0 && !longest) {
    run.load->requests = most;
    return;
  }
  run.load->count_from_s = from.positive("args/warmup_duration").value_or(0);
  run.stage_s = longest ? *longest : run.load->count_from_s + from.required_positive("duration");
}

void read_benchmark(const RecordFile& file, Fields from, std::string_view model, ReadRuns& out) {
  MeasuredRun run = blank_run(file, from.line(), kTool);
  run.model = model;
  read_guidellm_strategy(from, "args/strategy", run);
  read_stage(from, run);
  read_guidellm_metrics(from, run);
  std::vector<RequestTimes> requests;
  for (Fields& item : from.items("requests/successful")) {
    if (const auto r = read_request(item)) requests.push_back(*r);
  }
  const std::int64_t successful = from.integer(
      "request_totals/successful", 0, from.integer("run_stats/requests_made/successful", 0, 0));
  const bool complete = lists_all(requests, successful);
  start_at_zero(requests);
  if (complete) set_request_figures(requests, run);
  if (run.measured[Figure::e2e_mean] || run.measured[Figure::mean_ttft]) {
    out.runs.push_back(std::move(run));
  } else {
    from.fault("metrics", "neither request_latency nor time_to_first_token_ms",
               "give a run with successful requests");
  }
}

void read(const RecordFile& file, ReadRuns& out) {
  for (const Json& record : file.records) {
    Fields from(record, file.path, out.faults);
    if (is_benchmark(record)) {
      read_benchmark(file, from, "", out);
      continue;
    }
    const std::string model = from.text("args/model");
    for (Fields& item : from.items("benchmarks")) read_benchmark(file, item, model, out);
  }
}

}  // namespace

RunFormat guidellm_old_format() {
  return {kTool, "objects of type_ generative_benchmark with metrics, alone or in benchmarks",
          matches, read};
}

}  // namespace eph::calibration
