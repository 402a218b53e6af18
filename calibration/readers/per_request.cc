#include "calibration/readers/per_request.h"

#include <algorithm>

#include "calibration/readers/format.h"
#include "core/assert.h"
#include "core/stats.h"

namespace eph::calibration {
namespace {

void set_distribution(FigureSet& out, std::vector<double> values, Figure average, Figure p50,
                      Figure p90, Figure p95, Figure p99) {
  if (values.empty()) return;
  // A figure of zero was not measured: nothing can be compared with it.
  const auto set = [&out](Figure figure, double value) {
    if (value > 0) out[figure] = value;
  };
  set(average, mean(values));
  std::sort(values.begin(), values.end());
  set(p50, quantile_sorted(values, 0.50));
  set(p90, quantile_sorted(values, 0.90));
  set(p95, quantile_sorted(values, 0.95));
  set(p99, quantile_sorted(values, 0.99));
}

}  // namespace

void set_request_figures(const std::vector<RequestTimes>& requests, MeasuredRun& run) {
  EPH_ASSERT(!requests.empty(), "no requests in {}", run.id);
  std::vector<double> ttft, tpot, e2e;
  double prompt = 0, output = 0;
  auto recorded = std::make_shared<std::vector<RecordedRequest>>();
  for (const RequestTimes& r : requests) {
    ttft.push_back(1e3 * r.ttft_s);
    e2e.push_back(1e3 * r.e2e_s);
    if (r.output_tokens > 1) tpot.push_back(1e3 * (r.e2e_s - r.ttft_s) / (r.output_tokens - 1));
    prompt += r.prompt_tokens;
    output += r.output_tokens;
    recorded->push_back({r.sent_s, r.prompt_tokens, r.output_tokens});
  }
  const auto n = static_cast<double>(requests.size());
  run.isl = mean_tokens(prompt, n);
  run.osl = mean_tokens(output, n);
  using F = Figure;
  set_distribution(run.measured, ttft, F::mean_ttft, F::ttft_p50, F::ttft_p90, F::ttft_p95,
                   F::ttft_p99);
  set_distribution(run.measured, tpot, F::mean_tpot, F::itl_p50, F::itl_p90, F::itl_p95,
                   F::itl_p99);
  set_distribution(run.measured, e2e, F::e2e_mean, F::e2e_p50, F::e2e_p90, F::e2e_p95, F::e2e_p99);
  if (!run.load) run.load.emplace();
  run.load->recorded = std::move(recorded);
}

void set_rates(const std::vector<RequestTimes>& requests, double duration_s, MeasuredRun& run) {
  if (!(duration_s > 0)) return;
  double prompt = 0, output = 0;
  for (const RequestTimes& r : requests) {
    prompt += r.prompt_tokens;
    output += r.output_tokens;
  }
  run.measured[Figure::achieved_rps] = static_cast<double>(requests.size()) / duration_s;
  run.measured[Figure::output_tps] = output / duration_s;
  run.measured[Figure::total_tps] = (prompt + output) / duration_s;
}

double start_at_zero(std::vector<RequestTimes>& requests) {
  std::stable_sort(requests.begin(), requests.end(),
                   [](const auto& a, const auto& b) { return a.sent_s < b.sent_s; });
  const double first = requests.empty() ? 0 : requests.front().sent_s;
  for (RequestTimes& r : requests) r.sent_s -= first;
  return first;
}

double span_s(const std::vector<RequestTimes>& requests) {
  double first = requests.empty() ? 0 : requests.front().sent_s, last = first;
  for (const RequestTimes& r : requests) {
    first = std::min(first, r.sent_s);
    last = std::max(last, r.sent_s + r.e2e_s);
  }
  return last - first;
}

}  // namespace eph::calibration
