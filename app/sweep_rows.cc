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

// The mean of the runs and, where the sweep has intervals, its ends; empty without values. One run
// has no interval: the number of runs may itself be varied.
void add_figure(std::vector<Cell>& row, const std::string& key, const std::vector<double>& values,
                double most, bool intervals) {
  const bool several = intervals && values.size() > 1;
  const Interval interval = several ? bounded_interval(values, most) : Interval{};
  row.push_back({key,
                 values.empty() ? ""
                 : several      ? number(interval.mean)
                                : number(values.front()),
                 false});
  if (!intervals) return;
  row.push_back({key + "_low", several ? number(interval.low) : "", false});
  row.push_back({key + "_high", several ? number(interval.high) : "", false});
}

void add_fleet(std::vector<Cell>& row, const SweepRuns::Outcome& outcome, bool intervals) {
  std::vector<FleetFigures> runs;
  for (const RunRecord& run : outcome.runs) runs.push_back(run.fleet);
  for (std::size_t f = 0; f < kFleetFigures.size(); ++f)
    add_figure(row, kFleetFigures[f].key, known_values(runs, f), kFleetFigures[f].most, intervals);
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

// Which columns all rows have.
struct Columns {
  bool intervals = false, fleets = false, slos = false;
};

std::vector<Cell> row_of(const Sweep& sweep, const Point& point, const SweepRuns::Outcome& outcome,
                         const Columns& columns) {
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
  row.push_back({"gpus", point.fault ? "" : number(scenario::total_gpus(point.scenario)), false});
  add_number(row, "runs", static_cast<double>(outcome.runs.size()));
  const bool met = std::all_of(outcome.runs.begin(), outcome.runs.end(),
                               [](const auto& r) { return r.slos_met; });
  if (columns.slos)
    row.push_back({"slos_met", outcome.runs.empty() ? "" : met ? "true" : "false", false});
  for (std::size_t c = 0; c < RunRecord::kCounts.size(); ++c) {
    row.push_back({RunRecord::kCounts[c],
                   outcome.runs.empty() ? "" : number(mean_count(outcome.runs, c)), false});
  }
  if (columns.fleets) add_fleet(row, outcome, columns.intervals);
  const std::vector<Figure> figures = run_figures();
  for (std::size_t f = 0; f < figures.size(); ++f) {
    const Figure& figure = figures[f];
    std::vector<double> values;
    for (const RunRecord& run : outcome.runs) values.push_back(run.figures[f]);
    if (figure.of_drafts && !drafted(figures, outcome)) values.clear();
    add_figure(row, figure.key, values, figure.most, columns.intervals);
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
  Columns columns;
  for (const Point& point : sweep.points) {
    columns.intervals = columns.intervals || point.scenario.runs > 1;
    columns.slos = columns.slos || !point.scenario.slos.empty();
  }
  columns.fleets = std::any_of(outcomes.begin(), outcomes.end(), [](const SweepRuns::Outcome& o) {
    return std::any_of(o.runs.begin(), o.runs.end(), [](const RunRecord& r) { return r.changes; });
  });
  std::string text;
  for (std::size_t p = 0; p < sweep.points.size(); ++p) {
    const std::vector<Cell> row = row_of(sweep, sweep.points[p], outcomes[p], columns);
    if (p == 0 && !json) text += csv_row(row, true);
    text += json ? json_row(row) : csv_row(row, false);
  }
  return text;
}

}  // namespace eph::app
