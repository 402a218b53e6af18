#include "calibration/readers/aiperf_summary.h"

#include "calibration/readers/time_unit.h"

namespace eph::calibration {
namespace {

struct LatencyFigures {
  std::string_view tag;
  Figure mean, p50, p90, p95, p99;
};

std::optional<double> statistic(const AiperfMetrics& metrics, std::string_view tag,
                                std::string_view name) {
  const auto metric = metrics.find(tag);
  if (metric == metrics.end()) return std::nullopt;
  const auto value = metric->second.statistics.find(name);
  if (value == metric->second.statistics.end() || !(value->second > 0)) return std::nullopt;
  return value->second;
}

void use_latency(const AiperfMetrics& metrics, const LatencyFigures& to, const std::string& file,
                 MeasuredRun& run, Diagnostics& faults) {
  const auto metric = metrics.find(to.tag);
  if (metric == metrics.end()) return;
  const auto scale = ms_per(metric->second.unit);
  if (!scale) {
    Error error =
        row_error(file, run.line, fmt::format("\"{}\" is no unit of time", metric->second.unit),
                  "known are ns, us, ms and s");
    error.place.pointer = metric->second.place;
    faults.add(std::move(error));
    return;
  }
  const auto set = [&](Figure figure, std::string_view name) {
    if (const auto value = statistic(metrics, to.tag, name)) run.measured[figure] = *value * *scale;
  };
  set(to.mean, "avg");
  set(to.p50, "p50");
  set(to.p90, "p90");
  set(to.p95, "p95");
  set(to.p99, "p99");
}

}  // namespace

void use_aiperf_metrics(const AiperfMetrics& metrics, const std::string& file, MeasuredRun& run,
                        Diagnostics& faults) {
  using F = Figure;
  const LatencyFigures latencies[] = {
      {"time_to_first_token", F::mean_ttft, F::ttft_p50, F::ttft_p90, F::ttft_p95, F::ttft_p99},
      {"inter_token_latency", F::mean_tpot, F::itl_p50, F::itl_p90, F::itl_p95, F::itl_p99},
      {"request_latency", F::e2e_mean, F::e2e_p50, F::e2e_p90, F::e2e_p95, F::e2e_p99}};
  for (const LatencyFigures& to : latencies) use_latency(metrics, to, file, run, faults);
  run.measured[F::achieved_rps] = statistic(metrics, "request_throughput", "avg");
  run.measured[F::output_tps] = statistic(metrics, "output_token_throughput", "avg");
  run.isl = mean_tokens(statistic(metrics, "input_sequence_length", "avg").value_or(0), 1);
  run.osl = mean_tokens(statistic(metrics, "output_sequence_length", "avg").value_or(0), 1);
  if (!run.load) run.load.emplace();
  run.load->requests = mean_tokens(statistic(metrics, "request_count", "avg").value_or(0), 1);
}

}  // namespace eph::calibration
