// ephemeris sweep: simulations over every combination of some fields' values.
#include "app/commands.h"
#include "app/console.h"
#include "app/data_folder.h"
#include "app/scenario_flags.h"
#include "app/sweep_points.h"
#include "app/sweep_rows.h"
#include "app/team_use.h"
#include "core/line_source.h"

namespace eph::app {
namespace {

std::vector<OptionGroup> groups() {
  std::vector<OptionGroup> all = scenario_options({});
  all.insert(all.begin(), {"sweep",
                           {{"vary", "FIELD=VALUES",
                             "a field of the scenario and its values: replicas=1..64, "
                             "replicas=8..64..8, rate_scale=0.5,1,2",
                             true}}});
  all.push_back({"output",
                 {{"json", "", "one JSON object a line instead of CSV"},
                  {"out", "FILE", "write the rows there"}}});
  all.push_back({"execution", team_execution_options()});
  return all;
}

// What every process of the run does by itself.
struct Prepared {
  models::Catalog catalog;
  Sweep sweep;
  std::unique_ptr<SweepRuns> runs;
  int threads = 0;
};

Result<std::unique_ptr<Prepared>> prepare(const Arguments& arguments, const jobs::Team& team) {
  const auto threads = arguments.integer("threads", 1, 1024, 0);
  if (!threads) return threads.error();
  Result<models::Catalog> catalog = open_catalog(arguments);
  if (!catalog) return catalog.error();
  Result<Sweep> sweep = read_sweep(arguments, *catalog, arguments.has("ledger") || team.size() > 1);
  if (!sweep) return sweep.error();
  auto out = std::make_unique<Prepared>(
      Prepared{std::move(*catalog), std::move(*sweep), nullptr, static_cast<int>(*threads)});
  auto runs =
      SweepRuns::prepare(out->catalog, out->sweep, out->threads, arguments.has("exact-steps"));
  if (!runs) return runs.error();
  out->runs = std::move(*runs);
  return out;
}

int lead(const Arguments& arguments, jobs::Team& team) {
  const auto prepared = prepare(arguments, team);
  if (!prepared) return fail(prepared.error());
  const Prepared& p = **prepared;
  const auto ledger = open_ledger(arguments);
  if (!ledger) return fail(ledger.error());
  const jobs::TaskSet tasks = p.runs->tasks();
  const auto results = [&] {
    ProgressLine line;
    return team.run(tasks, team_options(p.threads, ledger->get(), line, tasks.count));
  }();
  if (!results) return fail(results.error());
  const Result<std::vector<SweepRuns::Outcome>> outcomes = p.runs->outcomes(*results);
  if (!outcomes) return fail(outcomes.error());
  for (const std::string& warning : p.runs->warnings(*outcomes)) write_warning(warning);
  const std::string text = sweep_rows(p.sweep, *outcomes, arguments.has("json"));
  const std::string out = arguments.text("out");
  if (out.empty()) return finish(text);
  if (auto ok = write_file(out, text); !ok) return fail(ok.error());
  return kOk;
}

Result<void> assist(const Arguments& arguments, jobs::Team& team) {
  const auto prepared = prepare(arguments, team);
  if (!prepared) return prepared.error();
  team.assist((*prepared)->runs->tasks(), (*prepared)->threads);
  return {};
}

}  // namespace

const CommandSpec& sweep_spec() {
  static const CommandSpec spec{
      "sweep",
      "simulate every combination of some fields' values, one result row each",
      "[SCENARIO] --vary FIELD=VALUES [--vary ...] [OPTIONS]",
      "Rows come in the order of the values, the last field fastest. With --runs N each row holds "
      "the mean of N "
      "replications and its 90 % interval (_low, _high); all points see the same random numbers. A "
      "point that cannot be (a model that does not fit its GPUs, a setting that its engine does "
      "not know) is a row with status infeasible and the reason as its note; what is wrong with "
      "all of them ends the sweep before anything is simulated. Nothing but the number of "
      "points (100,000) limits "
      "the size of a sweep; on a terminal a line shows how many simulations are done. With "
      "--ledger a sweep that was "
      "ended goes on where it was, and one that has grown simulates what is new. Under mpirun the "
      "simulations are "
      "spread over all its processes, with the same rows.",
      {"ephemeris sweep examples/single-replica.json --vary replicas=1..4 --vary "
       "rate_scale=0.5,1,2 --out sweep.csv"},
      groups(),
      1};
  return spec;
}

int run_sweep(const Arguments& arguments) {
  return run_as_team([&](jobs::Team& team) { return lead(arguments, team); },
                     [&](jobs::Team& team) { return assist(arguments, team); });
}

}  // namespace eph::app
