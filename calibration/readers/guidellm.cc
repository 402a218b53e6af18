// GuideLLM 0.3 and later: one document with all benchmarks of a run (docs/FORMATS.md).
#include "calibration/readers/guidellm_common.h"

namespace eph::calibration {
namespace {

constexpr std::string_view kTool = "guidellm";

bool matches(const Json& record) {
  const Json* benchmarks = record.find("benchmarks");
  return record.at_path("metadata/guidellm_version") != nullptr && benchmarks != nullptr &&
         benchmarks->is_array();
}

std::optional<RequestTimes> read_request(Fields& from) {
  RequestTimes r;
  const auto start = from.number("info/timings/request_start");
  const auto first = from.number("info/timings/first_token_iteration");
  const auto last = from.number("info/timings/last_token_iteration");
  r.prompt_tokens = static_cast<std::int32_t>(from.integer("input_metrics/text_tokens", 0, 0));
  r.output_tokens = static_cast<std::int32_t>(from.integer("output_metrics/text_tokens", 0, 0));
  if (!start || !first || !last || r.prompt_tokens < 1 || r.output_tokens < 1) return std::nullopt;
  r.sent_s = *start;
  r.ttft_s = *first - *start;
  r.e2e_s = *last - *start;
  if (r.ttft_s >= 0 && r.e2e_s >= r.ttft_s) return r;
  from.fault("info/timings", "a token is earlier than what comes before it",
             "request_start, first_token_iteration and last_token_iteration are in this order");
  return std::nullopt;
}

// Warm-up and cool-down lie outside measure_start_time .. measure_end_time; the simulated stage
// begins with the first request.
void read_stage(Fields& from, double first_sent, MeasuredRun& run) {
  const auto begin = from.number("scheduler_metrics/measure_start_time");
  const auto end = from.number("scheduler_metrics/measure_end_time");
  if (!begin || !end) return;
  const double start = from.number("scheduler_metrics/request_start_time")
                           .value_or(first_sent > 0 ? std::min(first_sent, *begin) : *begin);
  if (*end <= *begin || *begin < start) {
    from.fault("scheduler_metrics/measure_end_time", "the measured window has no length",
               "request_start_time <= measure_start_time < measure_end_time");
    return;
  }
  run.stage_s = *end - start;
  run.load->count_from_s = *begin - start;
}

void read_benchmark(const RecordFile& file, Fields from, std::string_view model, ReadRuns& out) {
  MeasuredRun run = blank_run(file, from.line(), kTool);
  run.model = model;
  read_guidellm_strategy(from, "config/strategy", run);
  read_guidellm_metrics(from, run);
  std::vector<RequestTimes> requests;
  for (Fields& item : from.items("requests/successful")) {
    if (const auto r = read_request(item)) requests.push_back(*r);
  }
  const std::int64_t successful =
      from.integer("metrics/request_totals/successful", 0,
                   from.integer("scheduler_metrics/requests_made/successful", 0, 0));
  const bool complete = lists_all(requests, successful);
  const double first_sent = start_at_zero(requests);
  read_stage(from, first_sent, run);
  // Requests that ended outside the window are listed too.
  if (run.stage_s > 0) {
    const double offset =
        first_sent - from.number("scheduler_metrics/measure_start_time").value_or(first_sent);
    std::erase_if(requests, [&](const RequestTimes& r) {
      const double ended = offset + r.sent_s + r.e2e_s;
      return ended < 0 || ended > run.stage_s - run.load->count_from_s;
    });
  }
  if (complete && !requests.empty()) set_request_figures(requests, run);
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
    std::string model;
    for (const char* key : {"config/model", "args/model"}) {
      if (model.empty() && from.has(key)) model = from.text(key);
    }
    for (Fields& item : from.items("benchmarks")) read_benchmark(file, item, model, out);
  }
}

}  // namespace

RunFormat guidellm_format() {
  return {kTool, "metadata/guidellm_version and benchmarks", matches, read};
}

}  // namespace eph::calibration
