// ephemeris simulate: one deployment under one workload.
#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "app/commands.h"
#include "app/console.h"
#include "app/data_folder.h"
#include "app/run_files.h"
#include "app/run_watcher.h"
#include "app/scenario_flags.h"
#include "app/simulate_report.h"
#include "core/text.h"
#include "jobs/parallel.h"
#include "scenario/assemble.h"
#include "scenario/fleet.h"
#include "scenario/fleet_remarks.h"
#include "sim/simulation.h"

namespace eph::app {

namespace {

FlagUse flag_use() { return {}; }

std::vector<OptionGroup> groups() {
  std::vector<OptionGroup> all = scenario_options(flag_use());
  OptionGroup output{"output", {{"json", "", "print JSON instead of tables"}}};
  for (OptionSpec& option : run_files_options()) output.options.push_back(std::move(option));
  for (const OptionSpec& option : std::initializer_list<OptionSpec>{
           {"series-out", "FILE", "write the queue, running requests and KV use over time as CSV"},
           {"series-interval", "TIME", "time between samples of the series [1 s]"},
           {"check", "",
            "with --slo: exit with 1 when an objective is missed or requests are left unfinished"},
           {"timing", "", "add the wall-clock time, which differs from run to run"}}) {
    output.options.push_back(option);
  }
  all.push_back(std::move(output));
  all.push_back(
      {"execution",
       {{"threads", "N",
         "runs at the same time with --runs; the results do not depend on it [all cores]"},
        {"exact-steps", "",
         "one event per iteration instead of one per change of the batch: slower, with the same "
         "results"},
        data_option()}});
  return all;
}

struct Options {
  GatheredScenario gathered;
  Duration series_interval{};
  bool exact_steps = false;
  RunFilesSpec files;
  std::string series_path;
  int threads = 0;
  bool json = false, check = false, timing = false;
};

Result<Duration> series_interval(const Arguments& arguments) {
  if (!arguments.has("series-interval")) return Duration::from_seconds(1);
  const Result<Seconds> parsed = parse_seconds(arguments.text("series-interval"));
  if (!parsed)
    return usage_error("--series-interval: " + parsed.error().what, parsed.error().remedy);
  if (parsed->value < 1e-3 || parsed->value > 1e9) {
    return usage_error(
        fmt::format("--series-interval: {} is out of range", arguments.text("series-interval")),
        "use 1 ms or more");
  }
  return Duration::from_seconds(parsed->value);
}

Result<Options> read_options(const Arguments& arguments) {
  Options out;
  Result<GatheredScenario> gathered = gather_scenario(arguments, flag_use());
  if (!gathered) return gathered.error();
  out.gathered = std::move(*gathered);
  const Result<Duration> interval = series_interval(arguments);
  if (!interval) return interval.error();
  out.series_interval = *interval;
  out.exact_steps = arguments.has("exact-steps");
  const Result<std::int64_t> threads = arguments.integer("threads", 1, 1024, 0);
  if (!threads) return threads.error();
  out.threads = static_cast<int>(*threads);
  const Result<RunFilesSpec> files = read_run_files(arguments);
  if (!files) return files.error();
  out.files = *files;
  out.series_path = arguments.text("series-out");
  out.json = arguments.has("json");
  out.check = arguments.has("check");
  out.timing = arguments.has("timing");
  const scenario::Scenario& scenario = out.gathered.scenario;
  for (const char* flag : {"requests-out", "steps-out", "timeline", "series-out"}) {
    if (scenario.runs > 1 && arguments.has(flag)) {
      return usage_error(fmt::format("--{} holds one run, and there are {}", flag, scenario.runs),
                         "leave out one of the two");
    }
  }
  if (scenario.runs == 1 && arguments.has("threads")) {
    return usage_error("--threads has no effect on a single run", "give --runs too");
  }
  if (out.check && scenario.slos.empty()) {
    return usage_error("--check has nothing to check", "give --slo, as in --slo p95_ttft=500ms");
  }
  return out;
}

struct RunOutcome {
  sim::RunSummary summary;
  std::vector<std::string> warnings;  // of the workload
};

Result<RunOutcome> simulate_one(const models::Catalog& catalog, const Options& options,
                                const scenario::Assembly& assembly, std::uint64_t run,
                                RunWatcher& watcher) {
  const scenario::Scenario& scenario = options.gathered.scenario;
  auto load = scenario::make_load(catalog, scenario.workload, scenario.seed, run);
  if (!load) return load.error();
  Result<scenario::RunConfig> run_config = scenario::run_config(catalog, scenario, assembly, run);
  if (!run_config) return run_config.error();
  sim::SimulationConfig& config = run_config->config;
  config.series_interval = options.series_interval;
  config.exact_steps = options.exact_steps;
  sim::RunOptions run_options;
  run_options.slos = scenario.slos;
  run_options.progress = watcher.of_run();
  std::vector<std::string> pools;
  if (!config.further.empty()) {
    pools.push_back(config.name);
    for (const sim::FurtherPool& further : config.further) pools.push_back(further.pool.name);
  }
  Result<std::unique_ptr<RunFiles>> files =
      RunFiles::create(options.files, pools, [&load] { return (*load)->class_names(); });
  if (!files) return files.error();
  if (!(*files)->empty()) run_options.sink = files->get();
  Result<sim::RunSummary> summary = sim::Simulation(config).run(**load, run_options);
  if (!summary) return summary.error();
  if (const Result<void> closed = (*files)->close(); !closed) return closed.error();
  watcher.run_ended();
  RunOutcome out{std::move(*summary), std::move(run_config->warnings)};
  for (std::string& text : scenario::fleet_remarks(scenario, out.summary))
    out.warnings.push_back(std::move(text));
  for (std::string& text : (*load)->warnings()) out.warnings.push_back(std::move(text));
  for (std::string& text :
       scenario::idle_warnings((*load)->shares_prefixes(), (*load)->varies_priorities(), config))
    out.warnings.push_back(std::move(text));
  return out;
}

Result<std::vector<RunOutcome>> simulate_all(const models::Catalog& catalog, const Options& options,
                                             const scenario::Assembly& assembly) {
  const auto runs = static_cast<std::size_t>(options.gathered.scenario.runs);
  RunWatcher watcher(catalog, options.gathered.scenario);
  std::vector<std::optional<Result<RunOutcome>>> results(runs);
  jobs::run_in_parallel(runs, options.threads, [&](std::size_t i) {
    results[i] = simulate_one(catalog, options, assembly, i, watcher);
    return results[i]->has_value();
  });
  std::vector<RunOutcome> out;
  for (auto& result : results) {
    if (!*result) return result->error();
    out.push_back(std::move(**result));
  }
  return out;
}

std::vector<std::string> typical_length_warnings(const scenario::Assembly& assembly,
                                                 const sim::RunCounts& counts) {
  if (counts.finished == 0) return {};
  const double n = static_cast<double>(counts.finished);
  return scenario::length_warnings(assembly, static_cast<double>(counts.prompt_tokens) / n,
                                   static_cast<double>(counts.output_tokens) / n);
}

bool passes(const std::vector<sim::RunSummary>& runs) {
  for (const sim::RunSummary& run : runs) {
    if (!run.slos_met() || run.counts.unfinished > 0) return false;
  }
  return true;
}

}  // namespace

const CommandSpec& simulate_spec() {
  static const CommandSpec spec{
      "simulate",
      "simulate one deployment under one workload",
      "[SCENARIO] [OPTIONS]",
      "Requests come from --trace FILE, --workload NAME or synthetic arrivals. A run whose "
      "objectives are "
      "missed ends with 0 unless --check is given.",
      {"ephemeris simulate --model meta-llama/Llama-3.1-8B-Instruct --engine vllm --gpu h100-sxm "
       "--workload azure-conv-2023 --rate-scale 4 --replicas 2 --slo p95_ttft=500ms",
       "ephemeris simulate examples/single-replica.json --replicas 2 --json"},
      groups(),
      1};
  return spec;
}

int run_simulate(const Arguments& arguments) {
  const auto start = std::chrono::steady_clock::now();
  const Result<Options> options = read_options(arguments);
  if (!options) return fail(options.error());
  const Result<models::Catalog> catalog = open_catalog(arguments);
  if (!catalog) return fail(catalog.error());
  const scenario::Scenario& scenario = options->gathered.scenario;
  const Result<scenario::Assembly> assembly = scenario::assemble_fleet(*catalog, scenario);
  if (!assembly) return fail(assembly.error());
  Result<std::vector<RunOutcome>> outcomes = simulate_all(*catalog, *options, *assembly);
  if (!outcomes) return fail(outcomes.error());

  if (outcomes->front().summary.counts.arrived == 0) {
    return fail(usage_error(
        "no request was sent",
        "look at the workload's window, caps and rows, and at a --horizon before its first one"));
  }
  SimulateReport report;
  report.scenario = &scenario;
  report.assembly = &*assembly;
  report.workload = scenario::describe(scenario.workload);
  report.terms = pool_terms(*catalog, scenario, *assembly);
  report.warnings = assembly->warnings;
  const std::vector<std::string>& more = outcomes->front().warnings;
  report.warnings.insert(report.warnings.end(), more.begin(), more.end());
  for (std::string& text : typical_length_warnings(*assembly, outcomes->front().summary.counts)) {
    report.warnings.push_back(std::move(text));
  }
  for (RunOutcome& outcome : *outcomes) report.runs.push_back(std::move(outcome.summary));
  if (!options->series_path.empty()) {
    Result<OutputFile> file = OutputFile::create(options->series_path);
    if (!file) return fail(file.error());
    file->write(series_csv(report.runs.front()));
    if (const Result<void> closed = file->close(); !closed) return fail(closed.error());
  }
  const SimulateReport::Timing timing{
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
  if (options->timing) report.timing = &timing;
  const std::string text =
      options->json ? simulate_json(report).dump() + "\n" : simulate_text(report);
  return finish(text, options->check && !passes(report.runs) ? kCheckFailed : kOk);
}

}  // namespace eph::app
