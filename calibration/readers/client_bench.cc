#include "calibration/readers/client_bench.h"

#include <cmath>
#include <numeric>

#include "calibration/readers/per_request.h"
#include "core/text.h"

namespace eph::calibration {
namespace {

constexpr double kLongest = 1e9;

// nullopt: unlimited. Anything else than a number or "inf" ("trace") becomes the run's problem.
std::optional<double> request_rate(Fields& from, MeasuredRun& run) {
  const Json* rate = from.raw("request_rate");
  if (rate == nullptr) return std::nullopt;
  if (rate->is_number()) {
    if (std::isinf(rate->as_double())) return std::nullopt;
    return from.required_positive("request_rate");
  }
  const std::string text = to_lower(from.text("request_rate"));
  if (text == "inf" || text == "infinity" || text.empty()) return std::nullopt;
  if (const auto number = parse_double(text); number && *number > 0) return number;
  run.problem = fmt::format("the arrivals of request_rate \"{}\" are not in the file", text);
  return std::nullopt;
}

// Whether the lists that are given have one entry for each request; a fault when not.
bool same_length(Fields& from, std::string_view path, std::size_t found, std::size_t wanted) {
  if (found == wanted) return true;
  from.fault(path, fmt::format("{} entries where input_lens has {}", found, wanted),
             "the arrays of one run are equally long");
  return false;
}

// Seconds from the first to the last token of each request: the sum of its gaps.
std::vector<double> decode_times(Fields& from) {
  std::vector<double> out;
  const Json* lists = from.raw("itls");
  if (lists == nullptr || !lists->is_array()) return out;
  for (std::size_t i = 0; i < lists->items().size(); ++i) {
    const std::vector<double> gaps = from.numbers(fmt::format("itls/{}", i));
    out.push_back(std::accumulate(gaps.begin(), gaps.end(), 0.0));
  }
  return out;
}

bool failed(const Json* errors, std::size_t i) {
  if (errors == nullptr || !errors->is_array() || i >= errors->items().size()) return false;
  const Json& error = errors->items()[i];
  return !error.is_null() && !(error.is_string() && error.as_string().empty());
}

}  // namespace

void read_latencies(Fields& from, std::string_view latency, Figure mean, Figure p50, Figure p90,
                    Figure p95, Figure p99, MeasuredRun& run) {
  const auto read = [&](std::string_view statistic) {
    return from.positive(fmt::format("{}_{}_ms", statistic, latency));
  };
  run.measured[mean] = read("mean");
  run.measured[p50] = read("median");
  run.measured[p90] = read("p90");
  run.measured[p95] = read("p95");
  run.measured[p99] = read("p99");
}

void read_client_load(Fields& from, std::int64_t sent, MeasuredRun& run) {
  RunLoad load;
  load.requests = sent;
  run.concurrency = from.integer("max_concurrency", 1, 0);
  if (const auto rate = request_rate(from, run)) {
    run.protocol = Protocol::open_loop;
    load.rate = *rate;
    load.burstiness = from.positive("burstiness").value_or(1.0);
  } else {
    run.protocol = Protocol::closed_loop;
    if (run.concurrency == 0) run.concurrency = sent;
  }
  run.load = load;
}

bool read_details(Fields& from, MeasuredRun& run) {
  if (!from.has("input_lens") || !from.has("output_lens") || !from.has("ttfts") ||
      !from.has("itls")) {
    return false;
  }
  const auto inputs = from.numbers("input_lens"), outputs = from.numbers("output_lens");
  const auto ttfts = from.numbers("ttfts"), decodes = decode_times(from);
  const auto starts = from.numbers("start_times"), latencies = from.numbers("latencies");
  const std::size_t n = inputs.size();
  if (n == 0 || !same_length(from, "output_lens", outputs.size(), n) ||
      !same_length(from, "ttfts", ttfts.size(), n) ||
      !same_length(from, "itls", decodes.size(), n) ||
      (!starts.empty() && !same_length(from, "start_times", starts.size(), n)) ||
      (!latencies.empty() && !same_length(from, "latencies", latencies.size(), n))) {
    return false;
  }
  std::vector<RequestTimes> requests;
  for (std::size_t i = 0; i < n; ++i) {
    if (failed(from.raw("errors"), i) || inputs[i] < 1 || outputs[i] < 1) continue;
    if (inputs[i] > kLongest || outputs[i] > kLongest) {
      from.fault(fmt::format("{}_lens/{}", inputs[i] > kLongest ? "input" : "output", i),
                 "longer than a billion tokens", "give the file as the tool wrote it");
      return false;
    }
    RequestTimes r;
    r.sent_s = starts.empty() ? 0 : starts[i];
    r.ttft_s = ttfts[i];
    r.e2e_s = latencies.empty() ? ttfts[i] + decodes[i] : latencies[i];
    r.prompt_tokens = static_cast<std::int32_t>(inputs[i]);
    r.output_tokens = static_cast<std::int32_t>(outputs[i]);
    requests.push_back(r);
  }
  if (requests.empty()) {
    from.fault("errors", "every request failed", "give a run with answers");
    return false;
  }
  if (requests.size() < n)
    add_note(run, fmt::format("{} of {} requests failed", n - requests.size(), n));
  const bool timed = !starts.empty();
  if (timed) start_at_zero(requests);
  set_request_figures(requests, run);
  // The times at which an open loop really sent its requests are better than its rule.
  if (timed && run.protocol == Protocol::open_loop) {
    run.protocol = Protocol::recorded;
    run.problem.clear();
  }
  return true;
}

void read_backend(Fields& from, MeasuredRun& run) {
  const std::string backend = from.text("backend");
  run.engine = engine_of(backend);
  if (!run.engine) return;
  run.engine_text = models::name(*run.engine);
  run.engine_is_client = true;
}

}  // namespace eph::calibration
