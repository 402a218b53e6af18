// AIPerf's profile_export.jsonl: one line for each request (docs/FORMATS.md).
#include "calibration/readers/format.h"
#include "calibration/readers/per_request.h"
#include "calibration/readers/time_unit.h"

namespace eph::calibration {
namespace {

bool matches(const Json& record) {
  return record.at_path("metadata/request_start_ns") != nullptr &&
         record.find("metrics") != nullptr;
}

// Seconds; required.
double duration_s(Fields& from, std::string_view tag) {
  const double value = from.required_positive(fmt::format("metrics/{}/value", tag));
  const std::string unit = from.text(fmt::format("metrics/{}/unit", tag));
  const auto scale = ms_per(unit);
  if (!scale) {
    from.fault(fmt::format("metrics/{}/unit", tag), fmt::format("\"{}\" is no unit of time", unit),
               "known are ns, us, ms and s");
  }
  return 1e-3 * value * scale.value_or(1);
}

bool counts(Fields& from) {
  const std::string phase = from.text("metadata/benchmark_phase");
  const bool cancelled = from.has("metadata/was_cancelled") && from.flag("metadata/was_cancelled");
  return (phase.empty() || phase == "profiling") && !cancelled && !from.has("error");
}

void read(const RecordFile& file, ReadRuns& out) {
  MeasuredRun run = blank_run(file, file.records.front().line(), "aiperf requests");
  std::vector<RequestTimes> requests;
  std::size_t failed = 0;
  for (const Json& record : file.records) {
    Fields from(record, file.path, out.faults);
    if (!counts(from)) {
      ++failed;
      continue;
    }
    RequestTimes r;
    r.sent_s = 1e-9 * from.required_positive("metadata/request_start_ns");
    r.ttft_s = duration_s(from, "time_to_first_token");
    r.e2e_s = duration_s(from, "request_latency");
    r.output_tokens =
        static_cast<std::int32_t>(from.required_integer("metrics/output_sequence_length/value", 1));
    // Without it the mean of the run must be given by hand: the lengths cannot be replayed.
    r.prompt_tokens =
        static_cast<std::int32_t>(from.integer("metrics/input_sequence_length/value", 1, 0));
    if (r.e2e_s < r.ttft_s) {
      from.fault("metrics/request_latency/value", "it is below time_to_first_token", "it holds it");
    }
    requests.push_back(r);
  }
  if (requests.empty()) {
    out.faults.add(row_error(file.path, 1, "no request of the profiling phase has an answer",
                             "give a run with answers"));
    return;
  }
  start_at_zero(requests);
  set_request_figures(requests, run);
  set_rates(requests, span_s(requests), run);
  run.protocol = Protocol::recorded;
  if (failed > 0)
    add_note(run, fmt::format("{} lines of warm-up, cancelled or failed requests", failed));
  if (run.isl == 0) run.measured[Figure::total_tps].reset();
  out.runs.push_back(std::move(run));
}

}  // namespace

RunFormat aiperf_records_format() {
  return {"aiperf requests", "metadata/request_start_ns and metrics, a line for each request",
          matches, read};
}

}  // namespace eph::calibration
