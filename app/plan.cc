// ephemeris plan: the fewest GPUs that meet the objectives.
#include "planner/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "app/commands.h"
#include "app/console.h"
#include "app/data_folder.h"
#include "app/plan_text.h"
#include "app/progress.h"
#include "app/run_identity.h"
#include "app/scenario_flags.h"
#include "app/table.h"
#include "app/team_use.h"
#include "core/text.h"
#include "scenario/preset.h"

namespace eph::app {

namespace {

FlagUse flag_use() {
  FlagUse use;
  use.fleet = false;
  // Conversations adapt to the replicas, as closed arrivals do.
  use.without = {"replicas",    "runs",       "horizon",       "turns",
                 "user-tokens", "think-time", "shared-tokens", "groups"};
  use.lists = {"engine", "gpu", "tp"};
  return use;
}

std::vector<OptionGroup> groups() {
  std::vector<OptionGroup> all = scenario_options(flag_use());
  all.push_back(
      {"search and prices",
       {{"max-replicas", "N", "give up on a candidate beyond so many replicas [4096]"},
        {"max-rejected", "SHARE",
         "share of requests that may be rejected as too long; they are named in the output "
         "[0.001]"},
        {"prices", "FILE", "price list [the shipped one]"},
        {"provider", "NAME", "whose prices [generic]"},
        {"commitment", "KIND", "on_demand, reserved or spot, as in the price list [on_demand]"}}});
  all.push_back({"output",
                 {{"json", "", "print JSON instead of tables"},
                  {"timing", "", "say on stderr how long the search took"}}});
  all.push_back({"execution", team_execution_options()});
  return all;
}

// What a scenario file may say for other commands and plan does not use.
void note_unused(const GatheredScenario& gathered) {
  for (const char* id : {"deployment/replicas", "runs", "horizon"}) {
    if (gathered.from_file.contains(id)) {
      write_note(fmt::format("note: {}: \"{}\" does not apply to plan", gathered.file,
                             std::string_view(id).substr(std::string_view(id).rfind('/') + 1)));
    }
  }
}

Result<planner::PlanProblem> read_problem(const Arguments& arguments, bool quiet) {
  Result<GatheredScenario> gathered = gather_scenario(arguments, flag_use());
  if (!gathered) return gathered.error();
  if (gathered->scenario.slos.empty()) {
    return usage_error("plan needs an objective",
                       "give --slo, as in --slo p95_ttft=500ms --slo p95_tpot=30ms");
  }
  const auto& synthetic = gathered->scenario.workload.synthetic;
  if (synthetic && synthetic->arrivals == "closed") {
    return usage_error("closed arrivals adapt to the replicas, so there is no load to plan for",
                       "give a trace, a workload model or open arrivals with --rate");
  }
  if (!quiet) note_unused(*gathered);
  planner::PlanProblem out;
  out.candidates = std::move(gathered->deployments);
  out.workload = std::move(gathered->scenario.workload);
  out.slos = std::move(gathered->scenario.slos);
  out.seed = gathered->scenario.seed;
  out.notes = std::move(gathered->notes);
  return out;
}

// A preset holds for the engines that have one of that name; one of them must.
Result<void> share_preset(const models::Catalog& catalog, planner::PlanProblem& problem) {
  std::map<std::string, std::vector<std::string>> lacking;  // by preset, engines
  std::set<std::string> found;
  std::vector<std::string> names;
  for (scenario::DeploymentSpec& spec : problem.candidates) {
    const auto engine = models::parse_engine(spec.engine);
    if (spec.preset.empty() || !engine) continue;
    const auto own = scenario::preset_names(catalog, *engine);
    if (!own) return own.error();
    names.insert(names.end(), own->begin(), own->end());
    if (std::find(own->begin(), own->end(), spec.preset) != own->end()) {
      found.insert(spec.preset);
      continue;
    }
    auto& engines = lacking[spec.preset];
    if (std::find(engines.begin(), engines.end(), spec.engine) == engines.end())
      engines.push_back(spec.engine);
    spec.preset.clear();
  }
  for (const auto& [preset, engines] : lacking) {
    if (!found.contains(preset))
      return usage_error(
          fmt::format("--preset {}: none of {} has it", preset, fmt::join(engines, ", ")),
          suggest(preset, names));
    problem.notes.push_back(
        fmt::format("--preset {} does not apply to {}", preset, fmt::join(engines, ", ")));
  }
  return {};
}

Result<planner::PlanOptions> read_search(const Arguments& arguments) {
  planner::PlanOptions out;
  const Result<std::int64_t> replicas =
      arguments.integer("max-replicas", 1, 65536, out.max_replicas);
  if (!replicas) return replicas.error();
  const Result<std::int64_t> threads = arguments.integer("threads", 1, 1024, 0);
  if (!threads) return threads.error();
  out.max_replicas = static_cast<int>(*replicas);
  out.threads = static_cast<int>(*threads);
  if (arguments.has("max-rejected")) {
    const auto share = parse_double(arguments.text("max-rejected"));
    if (!share || *share < 0 || *share > 1) {
      return usage_error(
          fmt::format("--max-rejected: \"{}\" is no share", arguments.text("max-rejected")),
          "use 0 to 1");
    }
    out.max_rejected_share = *share;
  }
  out.exact_steps = arguments.has("exact-steps");
  out.price_file = arguments.text("prices");
  out.provider = arguments.text("provider", "generic");
  out.commitment = arguments.text("commitment", out.commitment);
  return out;
}

// What determines a candidate's simulations. Prices and how far the search may go do not.
Result<std::vector<std::string>> read_abouts(const Arguments& arguments,
                                             const models::Catalog& catalog,
                                             const planner::PlanProblem& problem) {
  Result<RunIdentity> identity = RunIdentity::of(catalog, arguments);
  if (!identity) return identity.error();
  Result<std::string> shared = identity->text(
      arguments, {"engine", "gpu", "tp", "max-replicas", "prices", "provider", "commitment",
                  "threads", "ledger", "data", "json", "timing", "scenario"});
  if (!shared) return shared.error();
  std::vector<std::string> out;
  for (const scenario::DeploymentSpec& spec : problem.candidates) {
    out.push_back(fmt::format("command=plan\n{}engine={}\ngpu={}\ntp={}\n", *shared, spec.engine,
                              spec.gpu, spec.layout.tensor));
  }
  return out;
}

// What every process of the run does by itself.
struct Prepared {
  models::Catalog catalog;
  planner::PlanProblem problem;
  planner::PlanOptions options;
  std::optional<planner::Plan> plan;
};

Result<std::unique_ptr<Prepared>> prepare(const Arguments& arguments, const jobs::Team& team) {
  Result<planner::PlanProblem> problem = read_problem(arguments, !team.leads());
  if (!problem) return problem.error();
  Result<planner::PlanOptions> options = read_search(arguments);
  if (!options) return options.error();
  Result<models::Catalog> catalog = open_catalog(arguments);
  if (!catalog) return catalog.error();
  if (const auto ok = share_preset(*catalog, *problem); !ok) return ok.error();
  if (arguments.has("ledger") || team.size() > 1) {
    auto abouts = read_abouts(arguments, *catalog, *problem);
    if (!abouts) return abouts.error();
    problem->abouts = std::move(*abouts);
  }
  auto out = std::make_unique<Prepared>(
      Prepared{std::move(*catalog), std::move(*problem), std::move(*options), {}});
  Result<planner::Plan> plan = planner::Plan::prepare(out->catalog, out->problem, out->options);
  if (!plan) return plan.error();
  out->plan.emplace(std::move(*plan));
  return out;
}

int lead(const Arguments& arguments, jobs::Team& team) {
  const auto start = std::chrono::steady_clock::now();
  const auto prepared = prepare(arguments, team);
  if (!prepared) return fail(prepared.error());
  const Prepared& p = **prepared;
  const auto ledger = open_ledger(arguments);
  if (!ledger) return fail(ledger.error());
  const jobs::TaskSet tasks = p.plan->tasks();
  const auto answers = [&] {
    ProgressLine line;
    return team.run(tasks, team_options(p.options.threads, ledger->get(), line, tasks.count));
  }();
  if (!answers) return fail(answers.error());
  const Result<planner::PlanReport> report = p.plan->report(*answers);
  if (!report) return fail(report.error());
  if (arguments.has("timing")) {
    const double wall =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    write_note(fmt::format("timing: {} s of wall clock, {} simulations", human(wall),
                           report->simulations));
  }
  const bool any = std::any_of(report->rows.begin(), report->rows.end(),
                               [](const planner::PlanRow& row) { return row.feasible; });
  return finish(arguments.has("json") ? planner::to_json(*report).dump() + "\n"
                                      : plan_text(p.problem, *report),
                any ? kOk : kCheckFailed);
}

Result<void> assist(const Arguments& arguments, jobs::Team& team) {
  const auto prepared = prepare(arguments, team);
  if (!prepared) return prepared.error();
  team.assist((*prepared)->plan->tasks(), (*prepared)->options.threads);
  return {};
}

}  // namespace

const CommandSpec& plan_spec() {
  static const CommandSpec spec{
      "plan",
      "find the fewest replicas of each candidate that meet the objectives, and their cost",
      "[SCENARIO] [OPTIONS]",
      "Candidates are all combinations of --engine, --gpu and --tp, each of which may be repeated "
      "or take a "
      "list with commas. Ends with 1 when no candidate is feasible. With --ledger a search that "
      "was ended goes on where "
      "it was. Under mpirun the candidates are spread over all its processes, with the same "
      "answer.",
      {"ephemeris plan --model meta-llama/Llama-3.1-8B-Instruct --gpu h100-sxm --engine vllm "
       "--engine sglang "
       "--engine trtllm --workload azure-conv-2023 --rate-scale 20 --slo p95_ttft=500ms --slo "
       "p95_tpot=30ms"},
      groups(),
      1};
  return spec;
}

int run_plan(const Arguments& arguments) {
  return run_as_team([&](jobs::Team& team) { return lead(arguments, team); },
                     [&](jobs::Team& team) { return assist(arguments, team); });
}

}  // namespace eph::app
