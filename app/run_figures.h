#pragma once
// The single numbers of a run, by name: what tables, JSON and intervals over runs share.
#include <array>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/intervals.h"
#include "sim/config.h"
#include "sim/metrics.h"

namespace eph::app {

inline constexpr std::array<std::pair<std::string_view, double>, 4> kQuantiles{
    {{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}}};

struct LatencyRow {
  std::string_view key, label;
  sim::LatencySample sim::RunSummary::*sample;
};
inline constexpr std::array<LatencyRow, 5> kLatencyRows{
    {{"ttft", "TTFT", &sim::RunSummary::ttft},
     {"tpot", "TPOT", &sim::RunSummary::tpot},
     {"itl", "ITL", &sim::RunSummary::itl},
     {"e2e", "end to end", &sim::RunSummary::e2e},
     {"queued", "queued", &sim::RunSummary::queued}}};

// Milliseconds to a picosecond: what lies below is rounding noise of the conversion.
[[nodiscard]] double to_ms(double seconds);

struct Figure {
  std::string key;  // "ttft_p95_ms", "requests_per_s"
  const LatencyRow* row = nullptr;
  double quantile = -1;                                   // < 0: the mean
  double sim::RunSummary::*value = nullptr;               // when `row` is null
  double most = std::numeric_limits<double>::infinity();  // it can be; none is below 0
  bool of_drafts = false;                                 // means nothing where none were verified
};
[[nodiscard]] std::vector<Figure> run_figures();
[[nodiscard]] bool means_something(const Figure& figure, std::span<const sim::RunSummary> runs);
[[nodiscard]] double figure_value(const Figure& figure, const sim::RunSummary& run);
[[nodiscard]] std::vector<double> figure_values(const Figure& figure,
                                                std::span<const sim::RunSummary> runs);
// Of the mean, cut where the figure cannot be.
[[nodiscard]] Interval figure_interval(const Figure& figure, std::span<const double> values);

}  // namespace eph::app
