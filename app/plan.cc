// ephemeris plan: the fewest GPUs that meet the objectives.
#include "planner/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "app/commands.h"
#include "app/console.h"
#include "app/data_folder.h"
#include "app/plan_text.h"
#include "app/progress.h"
#include "app/scenario_flags.h"
#include "app/table.h"
#include "core/text.h"

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
  all.push_back({"execution",
                 {{"threads", "N",
                   "simulations at the same time; the results do not depend on it [all cores]"},
                  {"exact-steps", "",
                   "one event per iteration instead of one per change of the batch: slower, with the same results"},
                  data_option()}});
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

Result<planner::PlanProblem> read_problem(const Arguments& arguments) {
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
  note_unused(*gathered);
  planner::PlanProblem out;
  out.candidates = std::move(gathered->deployments);
  out.workload = std::move(gathered->scenario.workload);
  out.slos = std::move(gathered->scenario.slos);
  out.seed = gathered->scenario.seed;
  return out;
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

}  // namespace

const CommandSpec& plan_spec() {
  static const CommandSpec spec{
      "plan",
      "find the fewest replicas of each candidate that meet the objectives, and their cost",
      "[SCENARIO] [OPTIONS]",
      "Candidates are all combinations of --engine, --gpu and --tp, each of which may be repeated "
      "or take a "
      "list with commas. Ends with 1 when no candidate is feasible.",
      {"ephemeris plan --model meta-llama/Llama-3.1-8B-Instruct --gpu h100-sxm --engine vllm "
       "--engine sglang "
       "--engine trtllm --workload azure-conv-2023 --rate-scale 20 --slo p95_ttft=500ms --slo "
       "p95_tpot=30ms"},
      groups(),
      1};
  return spec;
}

int run_plan(const Arguments& arguments) {
  const auto start = std::chrono::steady_clock::now();
  const Result<planner::PlanProblem> problem = read_problem(arguments);
  if (!problem) return fail(problem.error());
  Result<planner::PlanOptions> options = read_search(arguments);
  if (!options) return fail(options.error());
  const Result<models::Catalog> catalog = open_catalog(arguments);
  if (!catalog) return fail(catalog.error());
  const Result<planner::PlanReport> report = [&] {
    ProgressLine line;
    if (line.visible()) {
      options->progress = [&line](double share, const std::string& what) {
        line.show(share, what);
      };
    }
    return planner::plan(*catalog, *problem, *options);
  }();
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
                                      : plan_text(*problem, *report),
                any ? kOk : kCheckFailed);
}

}  // namespace eph::app
