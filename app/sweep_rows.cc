#include "app/sweep_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/intervals.h"
#include "app/run_figures.h"
#include "core/csv.h"
#include "core/json_doc.h"
#include "core/text.h"
#include "scenario/fleet.h"

namespace eph::app {
namespace {

// One row: names and values as text; numbers are marked.
struct Cell {
  std::string name, text;
  bool quoted = false;
};

void add_number(std::vector<Cell>& row, std::string name, double value) {
  row.push_back({std::move(name), number(value), false});
}

double mean_count(const std::vector<RunRecord>& runs, std::size_t count) {
  double sum = 0;
  for (const RunRecord& run : runs) sum += run.counts[count];
  return runs.empty() ? 0 : sum / static_cast<double>(runs.size());
}

void add_fleet(std::vector<Cell>& row, const SweepRuns::Outcome& outcome) {
  for (std::size_t i = 0; i < RunRecord::kFleet.size(); ++i) {
    double sum = 0;
    bool known = !outcome.runs.empty();
    for (const RunRecord& run : outcome.runs) {
      known = known && run.fleet[i] >= 0;
      sum += run.fleet[i];
    }
    const auto runs = static_cast<double>(outcome.runs.size());
    row.push_back({RunRecord::kFleet[i], known ? number(sum / runs) : "", false});
  }
}

// A verification brings out a token at least.
bool drafted(const std::vector<Figure>& figures, const SweepRuns::Outcome& outcome) {
  const auto tokens = std::find_if(figures.begin(), figures.end(), [](const Figure& figure) {
    return figure.key == "tokens_per_verification";
  });
  const auto f = static_cast<std::size_t>(tokens - figures.begin());
  return std::any_of(outcome.runs.begin(), outcome.runs.end(),
                     [f](const RunRecord& run) { return run.figures[f] > 0; });
}

std::vector<Cell> row_of(const Sweep& sweep, const Point& point, const SweepRuns::Outcome& outcome,
                         bool intervals, bool fleets) {
  std::vector<Cell> row;
  for (std::size_t a = 0; a < sweep.axes.size(); ++a) {
    row.push_back(
        {sweep.axes[a].name, point.values[a], !parse_double(point.values[a]).has_value()});
  }
  const bool saturated = std::any_of(outcome.runs.begin(), outcome.runs.end(),
                                     [](const auto& r) { return r.saturated; });
  row.push_back({"status",
                 !outcome.problem.empty() ? "infeasible"
                 : saturated              ? "saturated"
                                          : "ok",
                 true});
  row.push_back({"note", outcome.problem, true});
  add_number(row, "gpus", scenario::total_gpus(point.scenario));
  add_number(row, "runs", static_cast<double>(outcome.runs.size()));
  const bool met = std::all_of(outcome.runs.begin(), outcome.runs.end(),
                               [](const auto& r) { return r.slos_met; });
  if (!point.scenario.slos.empty())
    row.push_back({"slos_met", outcome.runs.empty() ? "" : met ? "true" : "false", false});
  for (std::size_t c = 0; c < RunRecord::kCounts.size(); ++c) {
    row.push_back({RunRecord::kCounts[c],
                   outcome.runs.empty() ? "" : number(mean_count(outcome.runs, c)), false});
  }
  if (fleets) add_fleet(row, outcome);
  const std::vector<Figure> figures = run_figures();
  for (std::size_t f = 0; f < figures.size(); ++f) {
    const Figure& figure = figures[f];
    std::vector<double> values;
    for (const RunRecord& run : outcome.runs) values.push_back(run.figures[f]);
    if (values.empty() || (figure.of_drafts && !drafted(figures, outcome))) {
      row.push_back({figure.key, "", false});
      if (intervals)
        row.insert(row.end(),
                   {{figure.key + "_low", "", false}, {figure.key + "_high", "", false}});
      continue;
    }
    if (!intervals) {
      add_number(row, figure.key, values.front());
      continue;
    }
    if (values.size() < 2) {  // the number of runs is itself varied
      add_number(row, figure.key, values.front());
      row.insert(row.end(), {{figure.key + "_low", "", false}, {figure.key + "_high", "", false}});
      continue;
    }
    const Interval interval = figure_interval(figure, values);
    add_number(row, figure.key, interval.mean);
    add_number(row, figure.key + "_low", interval.low);
    add_number(row, figure.key + "_high", interval.high);
  }
  return row;
}

std::string csv_row(const std::vector<Cell>& row, bool header) {
  std::string out;
  for (const Cell& cell : row) {
    if (!out.empty() || &cell != row.data()) out += ',';
    out += csv_field(header ? cell.name : cell.text);
  }
  return out + "\n";
}

std::string json_row(const std::vector<Cell>& row) {
  std::string out = "{";
  for (const Cell& cell : row) {
    if (out.size() > 1) out += ", ";
    out += Json::string(cell.name).dump() + ": ";
    out += cell.quoted         ? Json::string(cell.text).dump()
           : cell.text.empty() ? std::string("null")
                               : cell.text;
  }
  return out + "}\n";
}

}  // namespace

std::string sweep_rows(const Sweep& sweep, const std::vector<SweepRuns::Outcome>& outcomes,
                       bool json) {
  const bool intervals = std::any_of(sweep.points.begin(), sweep.points.end(),
                                     [](const Point& p) { return p.scenario.runs > 1; });
  const bool fleets =
      std::any_of(outcomes.begin(), outcomes.end(), [](const SweepRuns::Outcome& o) {
        return std::any_of(o.runs.begin(), o.runs.end(),
                           [](const RunRecord& r) { return r.changes; });
      });
  std::string text;
  for (std::size_t p = 0; p < sweep.points.size(); ++p) {
    const std::vector<Cell> row = row_of(sweep, sweep.points[p], outcomes[p], intervals, fleets);
    if (p == 0 && !json) text += csv_row(row, true);
    text += json ? json_row(row) : csv_row(row, false);
  }
  return text;
}

}  // namespace eph::app
