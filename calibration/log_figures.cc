#include "calibration/log_figures.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/line_source.h"
#include "core/text.h"

namespace eph::calibration {
namespace {

constexpr std::array kLogFigures{Figure::queue, Figure::ttft, Figure::tpot, Figure::e2e};

std::vector<double> values_of(std::span<const FigureSet> requests, Figure figure) {
  std::vector<double> values;
  for (const FigureSet& r : requests) {
    if (r[figure]) values.push_back(*r[figure]);
  }
  return values;
}

// Mean and percentiles over all requests, as one row of its own.
FigureSet distribution(std::span<const FigureSet> requests) {
  FigureSet out;
  const auto fill = [&](Figure from, Figure p50, Figure p95, Figure p99, Figure average) {
    std::vector<double> values = values_of(requests, from);
    if (values.empty()) return;
    out[average] = mean(values);
    std::sort(values.begin(), values.end());
    out[p50] = quantile_sorted(values, 0.50);
    out[p95] = quantile_sorted(values, 0.95);
    out[p99] = quantile_sorted(values, 0.99);
  };
  fill(Figure::ttft, Figure::ttft_p50, Figure::ttft_p95, Figure::ttft_p99, Figure::ttft_mean);
  fill(Figure::tpot, Figure::itl_p50, Figure::itl_p95, Figure::itl_p99, Figure::itl_mean);
  fill(Figure::e2e, Figure::e2e_p50, Figure::e2e_p95, Figure::e2e_p99, Figure::e2e_mean);
  return out;
}

std::string cell_of(double value) { return std::isnan(value) ? std::string() : eph::number(value); }

}  // namespace

FigureSet measured_figures(const RequestLog& log, const LoggedRequest& r) {
  const double arrival = log.arrival_on_engine_clock(r);
  FigureSet out;
  if (!std::isnan(r.scheduled_s)) out[Figure::queue] = 1e3 * (r.scheduled_s - arrival);
  out[Figure::ttft] = 1e3 * (r.first_token_s - arrival);
  out[Figure::e2e] = 1e3 * (r.last_token_s - arrival);
  if (r.output_tokens > 1) {
    out[Figure::tpot] =
        1e3 * (r.last_token_s - r.first_token_s) / static_cast<double>(r.output_tokens - 1);
  }
  return out;
}

FigureSet predicted_figures(const sim::RequestRecord& r) {
  FigureSet out;
  if (r.engine_scheduled != SimTime::never()) out[Figure::queue] = r.queued().ms();
  if (r.status != sim::RequestStatus::finished) return out;
  out[Figure::ttft] = r.ttft().ms();
  out[Figure::e2e] = r.e2e().ms();
  if (r.output_tokens > 1) out[Figure::tpot] = r.tpot_s() * 1e3;
  return out;
}

std::vector<ScoredRow> log_scores(const LogComparison& c) {
  const std::string engine(models::name(c.log->engine));
  std::vector<ScoredRow> scored;
  for (std::size_t i = c.first; i < c.measured.size(); ++i) {
    // A queue time near zero has no meaningful ratio.
    scored.push_back({engine,
                      c.log->model,
                      "request log, each request",
                      c.predicted[i],
                      c.measured[i],
                      {Figure::ttft, Figure::tpot, Figure::e2e}});
  }
  ScoredRow whole{engine,
                  c.log->model,
                  "request log, all requests",
                  distribution(c.predicted.subspan(c.first)),
                  distribution(c.measured.subspan(c.first)),
                  {}};
  for (const Figure f :
       {Figure::ttft_p50, Figure::ttft_p95, Figure::ttft_p99, Figure::ttft_mean, Figure::itl_p50,
        Figure::itl_p95, Figure::itl_p99, Figure::itl_mean, Figure::e2e_p50, Figure::e2e_mean}) {
    whole.scored.push_back(f);
  }
  scored.push_back(std::move(whole));
  return scored;
}

std::vector<ComparedFigure> compared_figures(const LogComparison& c) {
  std::vector<ComparedFigure> out;
  const FigureSet measured = distribution(c.measured.subspan(c.first));
  const FigureSet predicted = distribution(c.predicted.subspan(c.first));
  const auto add = [&](const char* what, const char* unit, std::optional<double> m,
                       std::optional<double> p, double scale) {
    if (m && p && *m > 0) out.push_back({what, unit, *m * scale, *p * scale});
  };
  const auto add_figure = [&](const char* what, Figure f, const char* unit, double scale) {
    add(what, unit, measured[f], predicted[f], scale);
  };
  add_figure("TTFT mean", Figure::ttft_mean, "s", 1e-3);
  add_figure("TTFT p50", Figure::ttft_p50, "s", 1e-3);
  add_figure("TTFT p95", Figure::ttft_p95, "s", 1e-3);
  add_figure("TTFT p99", Figure::ttft_p99, "s", 1e-3);
  add_figure("TPOT mean", Figure::itl_mean, "ms", 1);
  add_figure("TPOT p50", Figure::itl_p50, "ms", 1);
  add_figure("TPOT p95", Figure::itl_p95, "ms", 1);
  add_figure("TPOT p99", Figure::itl_p99, "ms", 1);
  auto queue_m = values_of(c.measured.subspan(c.first), Figure::queue);
  auto queue_p = values_of(c.predicted.subspan(c.first), Figure::queue);
  if (!queue_m.empty() && !queue_p.empty()) {
    add("queue mean", "s", mean(queue_m), mean(queue_p), 1e-3);
    std::sort(queue_m.begin(), queue_m.end());
    std::sort(queue_p.begin(), queue_p.end());
    constexpr std::pair<const char*, double> kQuantiles[] = {
        {"queue p50", 0.5}, {"queue p95", 0.95}, {"queue p99", 0.99}};
    for (const auto& [what, q] : kQuantiles)
      add(what, "s", quantile_sorted(queue_m, q), quantile_sorted(queue_p, q), 1e-3);
  }
  const double start = c.log->arrival_on_engine_clock(c.log->requests.front());
  double end_m = 0, end_p = 0;
  for (std::size_t i = 0; i < c.records.size(); ++i) {
    end_m = std::max(end_m, c.log->requests[i].last_token_s - start);
    if (c.predicted[i][Figure::e2e]) end_p = std::max(end_p, c.records[i].finish.seconds());
  }
  add("makespan", "s", end_m, end_p, 1);
  return out;
}

std::string log_csv(const LogComparison& c, const std::vector<ValidatedRow>& rows) {
  std::string out =
      "request_id,input_toks,output_toks,arrival_time,queued_ts,scheduled_ts,first_token_ts,"
      "last_token_ts";
  for (const Figure f : kLogFigures) out += fmt::format(",{}", column_name(f));
  for (const Figure f : kLogFigures) out += fmt::format(",pred_{}", column_name(f));
  out += ",status\n";
  const auto cell = [](const std::optional<double>& value) {
    return value ? fmt::format(",{:.6g}", *value) : std::string(",");
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const LoggedRequest& r = c.log->requests[i];
    out += fmt::format("{},{},{},{},{},{},{},{}", csv_field(r.id), r.prompt_tokens, r.output_tokens,
                       cell_of(r.arrival_s), cell_of(r.queued_s), cell_of(r.scheduled_s),
                       cell_of(r.first_token_s), cell_of(r.last_token_s));
    for (const Figure f : kLogFigures) out += cell(c.measured[i][f]);
    for (const Figure f : kLogFigures) out += cell(c.predicted[i][f]);
    out += fmt::format(",{}\n", rows[i].status);
  }
  return out;
}

}  // namespace eph::calibration
