#include "calibration/readers/guidellm_common.h"

namespace eph::calibration {
namespace {

// Client time between a request's last token and the slot's next request (PERCENTILES section 2).
constexpr double kTurnS = 3.6e-3;

struct Distribution {
  std::string_view metric;
  double to_ms;
  Figure mean, p50, p90, p95, p99;
};

void read_distribution(Fields& from, const Distribution& d, MeasuredRun& run) {
  const auto read = [&](std::string_view statistic) -> std::optional<double> {
    const auto value = from.positive(fmt::format("metrics/{}/successful/{}", d.metric, statistic));
    return value ? std::optional(*value * d.to_ms) : std::nullopt;
  };
  run.measured[d.mean] = read("mean");
  run.measured[d.p50] = read("percentiles/p50");
  if (!run.measured[d.p50]) run.measured[d.p50] = read("median");
  run.measured[d.p90] = read("percentiles/p90");
  run.measured[d.p95] = read("percentiles/p95");
  run.measured[d.p99] = read("percentiles/p99");
}

}  // namespace

void read_guidellm_metrics(Fields& from, MeasuredRun& run) {
  using F = Figure;
  const Distribution all[] = {
      {"time_to_first_token_ms", 1, F::mean_ttft, F::ttft_p50, F::ttft_p90, F::ttft_p95,
       F::ttft_p99},
      {"inter_token_latency_ms", 1, F::mean_tpot, F::itl_p50, F::itl_p90, F::itl_p95, F::itl_p99},
      {"request_latency", 1e3, F::e2e_mean, F::e2e_p50, F::e2e_p90, F::e2e_p95, F::e2e_p99}};
  for (const Distribution& d : all) read_distribution(from, d, run);
  const auto mean = [&](std::string_view metric) {
    return from.positive(fmt::format("metrics/{}/successful/mean", metric));
  };
  run.measured[F::achieved_rps] = mean("requests_per_second");
  run.measured[F::output_tps] = mean("output_tokens_per_second");
  run.measured[F::total_tps] = mean("tokens_per_second");
  run.measured[F::mean_concurrency] = mean("request_concurrency");
  run.isl = mean_tokens(mean("prompt_token_count").value_or(0), 1);
  run.osl = mean_tokens(mean("output_token_count").value_or(0), 1);
  if (from.has("metrics/time_per_output_token_ms")) {
    add_note(run, "time_per_output_token_ms: not (last - first) / (n - 1), not read");
  }
}

void read_guidellm_strategy(Fields& from, std::string_view strategy, MeasuredRun& run) {
  const auto key = [&](std::string_view name) { return fmt::format("{}/{}", strategy, name); };
  const std::string type = from.text(key("type_"));
  run.protocol_text = "guidellm " + type;
  run.load.emplace();
  RunLoad& load = *run.load;
  run.concurrency = from.integer(key("max_concurrency"), 1, 0);
  const double ramp_s = from.positive(key("rampup_duration")).value_or(0);
  if (type == "constant" || type == "poisson") {
    run.protocol = Protocol::open_loop;
    load.rate = from.required_positive(key("rate"));
    load.burstiness = type == "poisson" ? 1 : 0;
    if (ramp_s > 0) run.problem = "a ramp-up of the request rate is not simulated";
    return;
  }
  load.turn_s = kTurnS;
  if (type == "synchronous") {
    run.protocol = Protocol::closed_loop;
    run.concurrency = 1;
  } else if (type == "concurrent") {
    run.protocol = Protocol::closed_loop;
    run.concurrency = from.required_integer(key("streams"), 1);
    run.ramp_s = ramp_s;
  } else if (type == "throughput") {
    run.protocol = Protocol::closed_loop;
    run.ramp_s = ramp_s;
  } else {
    from.fault(key("type_"), fmt::format("strategy \"{}\" is not known", type),
               "known are synchronous, concurrent, throughput, constant and poisson");
  }
}

bool lists_all(const std::vector<RequestTimes>& requests, std::int64_t successful) {
  return !requests.empty() && std::ssize(requests) >= successful;
}

}  // namespace eph::calibration
