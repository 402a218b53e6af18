#include "app/run_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace eph::app {

double to_ms(double seconds) { return std::round(seconds * 1e12) / 1e9; }

std::vector<Figure> run_figures() {
  std::vector<Figure> out;
  for (const LatencyRow& row : kLatencyRows) {
    out.push_back({fmt::format("{}_mean_ms", row.key), &row, -1, nullptr});
    for (const auto& [name, p] : kQuantiles) {
      out.push_back({fmt::format("{}_{}_ms", row.key, name), &row, p, nullptr});
    }
  }
  const std::pair<std::string_view, double sim::RunSummary::*> values[] = {
      {"requests_per_s", &sim::RunSummary::requests_per_s},
      {"output_tokens_per_s", &sim::RunSummary::output_tokens_per_s},
      {"total_tokens_per_s", &sim::RunSummary::total_tokens_per_s},
      {"goodput_per_s", &sim::RunSummary::goodput_per_s},
      {"goodput_share", &sim::RunSummary::goodput_share},
      {"busy_share", &sim::RunSummary::busy_share},
      {"mean_running", &sim::RunSummary::mean_running},
      {"mean_waiting", &sim::RunSummary::mean_waiting},
      {"peak_kv_used", &sim::RunSummary::peak_kv_used},
      {"tokens_per_verification", &sim::RunSummary::tokens_per_verification},
      {"draft_acceptance", &sim::RunSummary::draft_acceptance}};
  for (const auto& [key, value] : values) {
    out.push_back({std::string(key), nullptr, -1, value});
    if (key.ends_with("_share") || key == "peak_kv_used" || key == "draft_acceptance")
      out.back().most = 1;
    out.back().of_drafts = key == "tokens_per_verification" || key == "draft_acceptance";
  }
  return out;
}

bool means_something(const Figure& figure, std::span<const sim::RunSummary> runs) {
  return !figure.of_drafts || std::any_of(runs.begin(), runs.end(), [](const sim::RunSummary& run) {
    return run.counts.verifications > 0;
  });
}

double figure_value(const Figure& figure, const sim::RunSummary& run) {
  if (figure.row == nullptr) return run.*(figure.value);
  const sim::LatencySample& sample = run.*(figure.row->sample);
  return to_ms(figure.quantile < 0 ? sample.mean_s() : sample.quantile_s(figure.quantile));
}

Interval figure_interval(const Figure& figure, std::span<const double> values) {
  return bounded_interval(values, figure.most);
}

std::vector<double> figure_values(const Figure& figure, std::span<const sim::RunSummary> runs) {
  std::vector<double> out;
  out.reserve(runs.size());
  for (const sim::RunSummary& run : runs) out.push_back(figure_value(figure, run));
  return out;
}

}  // namespace eph::app
