// Plain request logs: a row for each request, CSV or JSON-lines, under usual names
// (docs/FORMATS.md).
#include <algorithm>
#include <array>

#include "calibration/readers/format.h"
#include "calibration/readers/per_request.h"
#include "core/text.h"

namespace eph::calibration {
namespace {

constexpr std::array<std::string_view, 12> kArrival{
    "arrival",   "arrival_time", "arrival_ts",  "request_start", "start_time",   "start",
    "send_time", "sent",         "submit_time", "timestamp",     "request_time", "sent_at"};
constexpr std::array<std::string_view, 5> kFirst{
    "first_token", "first_token_time", "first_token_ts", "first_chunk_time", "first_token_at"};
constexpr std::array<std::string_view, 10> kLast{
    "last_token",  "last_token_time", "last_token_ts", "last_chunk_time", "finish",
    "finish_time", "finished_at",     "end_time",      "completion_time", "end"};
constexpr std::array<std::string_view, 2> kTtft{"ttft", "time_to_first_token"};
constexpr std::array<std::string_view, 4> kE2e{"e2e", "e2e_latency", "request_latency", "latency"};
constexpr std::array<std::string_view, 8> kPrompt{"prompt_tokens", "input_tokens",     "input_toks",
                                                  "input_length",  "prompt_len",       "input_len",
                                                  "isl",           "num_prompt_tokens"};
constexpr std::array<std::string_view, 8> kOutput{
    "output_tokens",     "output_toks",      "output_length", "output_len",
    "completion_tokens", "generated_tokens", "osl",           "num_output_tokens"};

struct Suffix {
  std::string_view text;
  double seconds;
};
constexpr std::array kSuffixes{Suffix{"", 1},       Suffix{"_s", 1},     Suffix{"_seconds", 1},
                               Suffix{"_ms", 1e-3}, Suffix{"_us", 1e-6}, Suffix{"_ns", 1e-9}};

// The key of one record that plays a role; empty: there is none.
struct TimeKey {
  std::string key;
  double seconds = 1;
};

TimeKey time_key(const Json& record, std::span<const std::string_view> names) {
  for (const std::string_view name : names) {
    for (const Suffix& suffix : kSuffixes) {
      std::string key = std::string(name) + std::string(suffix.text);
      if (record.find(key) != nullptr) return {std::move(key), suffix.seconds};
    }
  }
  return {};
}

std::string count_key(const Json& record, std::span<const std::string_view> names) {
  for (const std::string_view name : names) {
    if (record.find(name) != nullptr) return std::string(name);
  }
  return "";
}

struct Columns {
  TimeKey arrival, first, last, ttft, e2e;
  std::string prompt, output;

  explicit Columns(const Json& record)
      : arrival(time_key(record, kArrival)),
        first(time_key(record, kFirst)),
        last(time_key(record, kLast)),
        ttft(time_key(record, kTtft)),
        e2e(time_key(record, kE2e)),
        prompt(count_key(record, kPrompt)),
        output(count_key(record, kOutput)) {}
  [[nodiscard]] bool points() const { return !first.key.empty() && !last.key.empty(); }
  [[nodiscard]] bool complete() const {
    const bool spans = !ttft.key.empty() && !e2e.key.empty();
    return !arrival.key.empty() && !prompt.empty() && !output.empty() && (points() || spans);
  }
};

bool matches(const Json& record) { return Columns(record).complete(); }

double required_time(Fields& from, const TimeKey& key) {
  const Json* value = from.raw(key.key);
  if (value == nullptr || !value->is_number()) {
    from.fault(key.key, value == nullptr ? "no time" : "the time is no number",
               "write seconds, or name the unit in the column: _ms, _us or _ns");
    return 0;
  }
  return from.number(key.key).value_or(0) * key.seconds;
}

// A request that ended badly says so in its status, or has no last token.
bool ended_well(Fields& from, const Columns& columns) {
  if (const Json* status = from.raw("status"); status != nullptr && status->is_string()) {
    const std::string word = to_lower(status->as_string());
    if (word != "ok" && word != "finished" && word != "success" && word != "completed" &&
        word != "stop") {
      return false;
    }
  }
  return from.has(columns.points() ? columns.last.key : columns.e2e.key);
}

std::optional<RequestTimes> read_request(Fields& from, const Columns& columns) {
  RequestTimes r;
  r.prompt_tokens = static_cast<std::int32_t>(from.required_integer(columns.prompt, 1));
  r.output_tokens = static_cast<std::int32_t>(from.required_integer(columns.output, 1));
  r.sent_s = required_time(from, columns.arrival);
  if (columns.points()) {
    r.ttft_s = required_time(from, columns.first) - r.sent_s;
    r.e2e_s = required_time(from, columns.last) - r.sent_s;
  } else {
    r.ttft_s = required_time(from, columns.ttft);
    r.e2e_s = required_time(from, columns.e2e);
  }
  if (r.ttft_s >= 0 && r.e2e_s >= r.ttft_s) return r;
  from.fault(
      columns.points() ? columns.first.key : columns.ttft.key,
      "the first token is before the arrival or after the last token",
      "all times of a row are on one clock; for an engine's log give its folder with meta.json");
  return std::nullopt;
}

void read(const RecordFile& file, ReadRuns& out) {
  const Columns columns(file.records.front());
  MeasuredRun run = blank_run(file, file.records.front().line(), "request log");
  std::vector<RequestTimes> requests;
  std::size_t failed = 0;
  for (const Json& record : file.records) {
    Fields from(record, file.path, out.faults);
    if (!ended_well(from, columns)) {
      ++failed;
      continue;
    }
    if (const auto request = read_request(from, columns)) requests.push_back(*request);
  }
  if (!out.faults.ok()) return;
  if (requests.empty()) {
    out.faults.add(
        row_error(file.path, run.line, "no request has ended", "give a log of answered requests"));
    return;
  }
  start_at_zero(requests);
  set_request_figures(requests, run);
  set_rates(requests, span_s(requests), run);
  run.protocol = Protocol::recorded;
  if (failed > 0) add_note(run, fmt::format("{} requests without an answer are left out", failed));
  out.runs.push_back(std::move(run));
}

}  // namespace

RunFormat request_rows_format() {
  return {"request log",
          "times of arrival, first and last token (or ttft and e2e), and both token counts",
          matches, read};
}

}  // namespace eph::calibration
