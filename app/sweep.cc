// ephemeris sweep: simulations over every combination of some fields' values.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "app/commands.h"
#include "app/console.h"
#include "app/data_folder.h"
#include "app/intervals.h"
#include "app/run_figures.h"
#include "app/scenario_flags.h"
#include "app/sweep_axes.h"
#include "app/workers.h"
#include "core/csv.h"
#include "core/json_doc.h"
#include "core/line_source.h"
#include "core/text.h"
#include "scenario/assemble.h"
#include "scenario/fleet.h"
#include "sim/simulation.h"

namespace eph::app {
namespace {

constexpr std::size_t kMostPoints = 1'000'000;

struct Point {
  std::vector<std::string> values;  // by axis
  scenario::Scenario scenario;
  std::size_t deployment = 0;  // index of its assembly
};

struct Sweep {
  std::vector<Axis> axes;
  std::vector<Point> points;
  std::vector<scenario::Scenario> deployments;  // distinct ones, apart from their replicas
  int threads = 0;
  bool json = false, exact_steps = false;
  std::string out;
};

FlagUse flag_use() { return {}; }

Result<Sweep> read_sweep(const Arguments& arguments) {
  Sweep out;
  if (!arguments.has("vary")) {
    return usage_error("nothing is varied", "add --vary FIELD=VALUES, as in --vary replicas=1..8");
  }
  for (const std::string& text : arguments.all("vary")) {
    auto axis = parse_axis(text);
    if (!axis) return axis.error();
    for (const Axis& other : out.axes) {
      if (other.flag == axis->flag) return usage_error(fmt::format("--vary {} is given twice", axis->name), "give all of its values at once");
    }
    if (arguments.has(axis->flag)) return usage_error(fmt::format("--{} and --vary {} both set it", axis->flag, axis->name), "leave out one");
    out.axes.push_back(std::move(*axis));
  }
  const auto threads = arguments.integer("threads", 1, 1024, 0);
  if (!threads) return threads.error();
  out.threads = static_cast<int>(*threads);
  out.json = arguments.has("json");
  out.exact_steps = arguments.has("exact-steps");
  out.out = arguments.text("out");
  std::size_t count = 1;
  for (const Axis& axis : out.axes) {
    count *= axis.values.size();
    if (count > kMostPoints) return usage_error(fmt::format("more than {} points", kMostPoints), "vary less");
  }
  std::map<std::string, std::size_t> assemblies;
  for (const std::vector<std::size_t>& index : product(out.axes)) {
    Point point;
    Arguments with = arguments;
    std::string deployment;
    for (std::size_t a = 0; a < out.axes.size(); ++a) {
      const Axis& axis = out.axes[a];
      point.values.push_back(axis.values[index[a]]);
      with.add(axis.flag, point.values.back());
      if ((axis.section == "deployment" && axis.name != "replicas") || axis.section == "disaggregation") deployment += fmt::format("{}={};", axis.name, point.values.back());
    }
    const auto gathered = gather_scenario(with, flag_use());
    if (!gathered) return gathered.error();
    point.scenario = gathered->scenario;
    const auto [at, fresh] = assemblies.emplace(deployment, out.deployments.size());
    if (fresh) out.deployments.push_back(point.scenario);
    point.deployment = at->second;
    out.points.push_back(std::move(point));
  }
  return out;
}

struct Outcome {
  std::vector<sim::RunSummary> runs;
  std::vector<std::string> warnings;  // of its deployment
  std::string problem;  // why this point cannot be
};

Result<sim::RunSummary> simulate(const models::Catalog& catalog, const scenario::Scenario& scenario,
                                 const scenario::Assembly& assembly, std::uint64_t run, bool exact_steps) {
  auto load = scenario::make_load(catalog, scenario.workload, scenario.seed, run);
  if (!load) return load.error();
  auto config = scenario::run_config(catalog, scenario, assembly, run);
  if (!config) return config.error();
  config->config.exact_steps = exact_steps;
  sim::RunOptions options;
  options.slos = scenario.slos;
  return sim::Simulation(config->config).run(**load, options);
}

Result<std::vector<Outcome>> simulate_all(const Sweep& sweep, const models::Catalog& catalog) {
  std::vector<std::optional<Result<scenario::Assembly>>> assemblies(sweep.deployments.size());
  run_in_parallel(assemblies.size(), sweep.threads,
                  [&](std::size_t i) { assemblies[i].emplace(scenario::assemble_fleet(catalog, sweep.deployments[i])); });
  for (const auto& assembly : assemblies) {
    if (!*assembly && assembly->error().kind != ErrorKind::infeasible) return assembly->error();
  }
  struct Task {
    std::size_t point = 0;
    std::uint64_t run = 0;
  };
  std::vector<Task> tasks;
  std::vector<Outcome> out(sweep.points.size());
  for (std::size_t p = 0; p < sweep.points.size(); ++p) {
    const auto& assembly = *assemblies[sweep.points[p].deployment];
    if (!assembly) {
      out[p].problem = assembly.error().what;
      continue;
    }
    out[p].warnings = assembly->warnings;
    for (int r = 0; r < sweep.points[p].scenario.runs; ++r) tasks.push_back({p, static_cast<std::uint64_t>(r)});
  }
  std::vector<std::optional<Result<sim::RunSummary>>> results(tasks.size());
  run_in_parallel(tasks.size(), sweep.threads, [&](std::size_t i) {
    const Point& point = sweep.points[tasks[i].point];
    results[i].emplace(simulate(catalog, point.scenario, **assemblies[point.deployment], tasks[i].run, sweep.exact_steps));
  });
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (!*results[i]) return results[i]->error();
    out[tasks[i].point].runs.push_back(std::move(**results[i]));
  }
  return out;
}

// One row: names and values as text; numbers are marked.
struct Cell {
  std::string name, text;
  bool quoted = false;
};

void add_number(std::vector<Cell>& row, std::string name, double value) { row.push_back({std::move(name), number(value), false}); }

double mean_count(const std::vector<sim::RunSummary>& runs, std::uint64_t sim::RunCounts::*count) {
  double sum = 0;
  for (const sim::RunSummary& run : runs) sum += static_cast<double>(run.counts.*count);
  return runs.empty() ? 0 : sum / static_cast<double>(runs.size());
}

std::vector<Cell> row_of(const Sweep& sweep, const Point& point, const Outcome& outcome, bool intervals) {
  std::vector<Cell> row;
  for (std::size_t a = 0; a < sweep.axes.size(); ++a) {
    row.push_back({sweep.axes[a].name, point.values[a], !parse_double(point.values[a]).has_value()});
  }
  const bool saturated = std::any_of(outcome.runs.begin(), outcome.runs.end(), [](const auto& r) { return r.saturated; });
  row.push_back({"status", !outcome.problem.empty() ? "infeasible" : saturated ? "saturated" : "ok", true});
  row.push_back({"note", outcome.problem, true});
  add_number(row, "gpus", point.scenario.deployment.layout.gpus() * point.scenario.deployment.replicas);
  add_number(row, "runs", static_cast<double>(outcome.runs.size()));
  const bool met = std::all_of(outcome.runs.begin(), outcome.runs.end(), [](const auto& r) { return r.slos_met(); });
  if (!point.scenario.slos.empty()) row.push_back({"slos_met", outcome.runs.empty() ? "" : met ? "true" : "false", false});
  const std::pair<const char*, std::uint64_t sim::RunCounts::*> counts[] = {{"requests", &sim::RunCounts::arrived},
                                                                            {"finished", &sim::RunCounts::finished},
                                                                            {"rejected", &sim::RunCounts::rejected},
                                                                            {"cancelled", &sim::RunCounts::cancelled},
                                                                            {"unfinished", &sim::RunCounts::unfinished}};
  for (const auto& [name, count] : counts) {
    row.push_back({name, outcome.runs.empty() ? "" : number(mean_count(outcome.runs, count)), false});
  }
  for (const Figure& figure : run_figures()) {
    const std::vector<double> values = figure_values(figure, outcome.runs);
    if (values.empty()) {
      row.push_back({figure.key, "", false});
      if (intervals) row.insert(row.end(), {{figure.key + "_low", "", false}, {figure.key + "_high", "", false}});
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
    const Interval interval = mean_interval(values);
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
    out += cell.quoted ? Json::string(cell.text).dump() : cell.text.empty() ? std::string("null") : cell.text;
  }
  return out + "}\n";
}

std::vector<OptionGroup> groups() {
  std::vector<OptionGroup> all = scenario_options(flag_use());
  all.insert(all.begin(), {"sweep",
                           {{"vary", "FIELD=VALUES",
                             "a field of the scenario and its values: replicas=1..64, replicas=8..64..8, rate_scale=0.5,1,2",
                             true}}});
  all.push_back({"output", {{"json", "", "one JSON object a line instead of CSV"}, {"out", "FILE", "write the rows there"}}});
  all.push_back({"execution",
                 {{"threads", "N", "simulations at the same time; the results do not depend on it [all cores]"},
                  {"exact-steps", "", "one event per iteration instead of one per change of the batch: slower, with the same results"},
                  data_option()}});
  return all;
}

}  // namespace

const CommandSpec& sweep_spec() {
  static const CommandSpec spec{
      "sweep",
      "simulate every combination of some fields' values, one result row each",
      "[SCENARIO] --vary FIELD=VALUES [--vary ...] [OPTIONS]",
      "Rows come in the order of the values, the last field fastest. With --runs N each row holds the mean of N "
      "replications and its 90 % interval (_low, _high); all points see the same random numbers. A point whose "
      "model does not fit its GPUs is a row with status infeasible.",
      {"ephemeris sweep examples/single-replica.json --vary replicas=1..4 --vary rate_scale=0.5,1,2 --out sweep.csv"},
      groups(),
      1};
  return spec;
}

int run_sweep(const Arguments& arguments) {
  const Result<Sweep> sweep = read_sweep(arguments);
  if (!sweep) return fail(sweep.error());
  const Result<models::Catalog> catalog = open_catalog(arguments);
  if (!catalog) return fail(catalog.error());
  const Result<std::vector<Outcome>> outcomes = simulate_all(*sweep, *catalog);
  if (!outcomes) return fail(outcomes.error());
  std::set<std::string> warned;
  for (const Outcome& outcome : *outcomes) {
    for (const std::string& warning : outcome.warnings) {
      if (warned.insert(warning).second) write_warning(warning);
    }
  }
  const bool intervals = std::any_of(sweep->points.begin(), sweep->points.end(),
                                     [](const Point& p) { return p.scenario.runs > 1; });
  std::string text;
  for (std::size_t p = 0; p < sweep->points.size(); ++p) {
    const std::vector<Cell> row = row_of(*sweep, sweep->points[p], (*outcomes)[p], intervals);
    if (p == 0 && !sweep->json) text += csv_row(row, true);
    text += sweep->json ? json_row(row) : csv_row(row, false);
  }
  if (sweep->out.empty()) return finish(text);
  if (auto ok = write_file(sweep->out, text); !ok) return fail(ok.error());
  return kOk;
}

}  // namespace eph::app
