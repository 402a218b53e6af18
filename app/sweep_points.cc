#include "app/sweep_points.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "app/fleet_report.h"
#include "app/run_identity.h"
#include "app/scenario_flags.h"
#include "core/sha256.h"
#include "jobs/figures.h"
#include "jobs/parallel.h"
#include "scenario/fleet.h"
#include "scenario/fleet_remarks.h"
#include "sim/simulation.h"

namespace eph::app {
namespace {

constexpr std::size_t kMostPoints = 100'000;  // each holds its scenario: a few kB
constexpr std::size_t kMostLengthWarnings = 4;

// Flags that choose what is run and how it is shown, not what comes out. A run's number is part of
// its key, so that more runs find the first ones.
const std::set<std::string, std::less<>>& indifferent() {
  static const std::set<std::string, std::less<>> all{"vary", "runs", "threads", "ledger",
                                                      "data", "out",  "json",    "scenario"};
  return all;
}

// Fields that have no effect at some points; a fault if they have none at any.
class IdleFields {
 public:
  void add(const GatheredScenario& point) {
    for (const Error& error : point.idle) ++seen_[error.what];
    if (points_++ == 0)
      always_ = point.idle;
    else
      std::erase_if(always_, [&](const Error& error) {
        return std::none_of(point.idle.begin(), point.idle.end(),
                            [&](const Error& other) { return field_of(other) == field_of(error); });
      });
  }
  // Those that do have one at others.
  [[nodiscard]] std::vector<std::string> somewhere() const {
    std::vector<std::string> out;
    for (const auto& [what, points] : seen_)
      out.push_back(fmt::format("no effect at {} of {} points: {}", points, points_, what));
    return out;
  }
  [[nodiscard]] std::optional<Error> everywhere() const {
    return always_.empty() ? std::nullopt : std::optional(always_.front());
  }

 private:
  static std::string_view field_of(const Error& error) {
    return std::string_view(error.what).substr(0, error.what.find(": "));
  }
  std::vector<Error> always_;
  std::map<std::string, std::size_t> seen_;
  std::size_t points_ = 0;
};

Result<std::vector<Axis>> read_axes(const Arguments& arguments) {
  if (!arguments.has("vary")) {
    return usage_error("nothing is varied", "add --vary FIELD=VALUES, as in --vary replicas=1..8");
  }
  std::vector<Axis> out;
  for (const std::string& text : arguments.all("vary")) {
    auto axis = parse_axis(text);
    if (!axis) return axis.error();
    for (const Axis& other : out) {
      if (other.flag == axis->flag)
        return usage_error(fmt::format("--vary {} is given twice", axis->name),
                           "give all of its values at once");
    }
    if (arguments.has(axis->flag))
      return usage_error(fmt::format("--{} and --vary {} both set it", axis->flag, axis->name),
                         "leave out one");
    out.push_back(std::move(*axis));
  }
  std::size_t count = 1;
  for (const Axis& axis : out) {
    count *= axis.values.size();
    if (count > kMostPoints)
      return usage_error(fmt::format("more than {} points", kMostPoints),
                         "vary less, or in several sweeps");
  }
  return out;
}

}  // namespace

Result<Sweep> read_sweep(const Arguments& arguments, const models::Catalog& catalog,
                         bool identified) {
  Sweep out;
  Result<std::vector<Axis>> axes = read_axes(arguments);
  if (!axes) return axes.error();
  out.axes = std::move(*axes);
  std::optional<RunIdentity> identity;
  std::map<std::string, std::size_t> assemblies;
  IdleFields idle;
  for (const std::vector<std::size_t>& index : product(out.axes)) {
    Point point;
    Arguments with = arguments;
    std::string deployment;
    for (std::size_t a = 0; a < out.axes.size(); ++a) {
      const Axis& axis = out.axes[a];
      point.values.push_back(axis.values[index[a]]);
      with.add(axis.flag, point.values.back());
      if ((axis.section == "deployment" && axis.name != "replicas") ||
          axis.section == "disaggregation" || axis.name == "nodes")
        deployment += fmt::format("{}={};", axis.name, point.values.back());
    }
    FlagUse use;
    use.varied = true;
    const auto gathered = gather_scenario(with, use);
    if (!gathered) {
      if (gathered.error().kind == ErrorKind::io) return gathered.error();
      point.fault = gathered.error();
      if (identified) out.abouts.emplace_back();
      out.points.push_back(std::move(point));
      continue;
    }
    point.scenario = gathered->scenario;
    idle.add(*gathered);
    if (point.scenario.disaggregation.replicas > 0)  // the cluster follows from them
      deployment += fmt::format("{} replicas;", point.scenario.deployment.replicas);
    const auto [at, fresh] = assemblies.emplace(deployment, out.deployments.size());
    if (fresh) out.deployments.push_back(point.scenario);
    point.deployment = at->second;
    if (identified) {
      if (!identity) {  // after the first scenario was found to be sound
        Result<RunIdentity> first = RunIdentity::of(catalog, arguments);
        if (!first) return first.error();
        identity = std::move(*first);
      }
      Result<std::string> about = identity->text(with, indifferent());
      if (!about) return about.error();
      point.key = sha256(*about);
      out.abouts.push_back(std::move(*about));
    }
    out.points.push_back(std::move(point));
  }
  if (out.deployments.empty()) return *out.points.front().fault;
  if (const std::optional<Error> error = idle.everywhere()) return *error;
  out.remarks = idle.somewhere();
  return out;
}

Result<std::unique_ptr<SweepRuns>> SweepRuns::prepare(const models::Catalog& catalog,
                                                      const Sweep& sweep, int threads,
                                                      bool exact_steps) {
  std::unique_ptr<SweepRuns> out(new SweepRuns(catalog, sweep, exact_steps));
  out->assemblies_.resize(sweep.deployments.size());
  jobs::run_in_parallel(sweep.deployments.size(), threads, [&](std::size_t i) {
    out->assemblies_[i].emplace(scenario::assemble_fleet(catalog, sweep.deployments[i]));
    return true;
  });
  if (auto ok = out->check_points(threads); !ok) return ok.error();
  out->terms_.resize(sweep.points.size());
  for (std::size_t p = 0; p < sweep.points.size(); ++p) {
    if (out->problems_[p]) continue;
    const scenario::Scenario& scenario = sweep.points[p].scenario;
    out->terms_[p] = pool_terms(catalog, scenario, *out->assembly(sweep.points[p]));
    for (int r = 0; r < scenario.runs; ++r) {
      const auto run = static_cast<std::uint64_t>(r);
      out->tasks_.push_back({p, run, out->requests_->announce(scenario, run)});
    }
  }
  return out;
}

jobs::TaskSet SweepRuns::tasks() const {
  jobs::TaskSet out;
  out.count = tasks_.size();
  Sha256 identity;
  for (const Task& task : tasks_)
    identity.add(fmt::format("{}/{}\n", sweep_.points[task.point].key, task.run));
  out.identity = identity.hex();
  out.run = [this](std::size_t i, jobs::Memo& memo) { return run(tasks_[i], memo); };
  out.prefix = [this](std::size_t i) {
    return fmt::format("{}/{}.", sweep_.points[tasks_[i].point].key, tasks_[i].run);
  };
  return out;
}

Result<RunRecord> SweepRuns::simulate(const Task& task, SharedRequests::Use& use) const {
  const scenario::Scenario& scenario = sweep_.points[task.point].scenario;
  const auto shared = use.list(catalog_);
  if (!shared) return shared.error();
  std::unique_ptr<scenario::ReportingLoad> own;
  if (*shared == nullptr) {
    auto made = scenario::make_load(catalog_, scenario.workload, scenario.seed, task.run);
    if (!made) return made.error();
    own = std::move(*made);
  }
  auto config =
      scenario::run_config(catalog_, scenario, *assembly(sweep_.points[task.point]), task.run);
  if (!config) return config.error();
  config->config.exact_steps = exact_steps_;
  sim::RunOptions options;
  options.slos = scenario.slos;
  const auto replayed = own ? nullptr : scenario::replay(**shared);
  workload::Load& load = own ? static_cast<workload::Load&>(*own) : *replayed;
  const Result<sim::RunSummary> run = sim::Simulation(config->config).run(load, options);
  if (!run) return run.error();
  std::vector<std::string> warnings = std::move(config->warnings);
  for (std::string& text : scenario::fleet_remarks(scenario, *run))
    warnings.push_back(std::move(text));
  for (const std::string& text : own ? own->warnings() : (*shared)->warnings)
    warnings.push_back(text);
  for (std::string& text : scenario::idle_warnings(
           own ? own->shares_prefixes() : (*shared)->shares_prefixes,
           own ? own->varies_priorities() : (*shared)->varies_priorities, config->config))
    warnings.push_back(std::move(text));
  return record_of(*run, std::move(warnings), fleet_figures(*run, scenario, terms_[task.point]));
}

Result<std::string> SweepRuns::run(const Task& task, jobs::Memo& memo) const {
  const Point& point = sweep_.points[task.point];
  const std::string key = fmt::format("{}/{}.", point.key, task.run);
  SharedRequests::Use use(*requests_, task.requests);
  auto known = memo.find(key);
  if (!known) return known.error();
  if (*known) {
    if (!decode_run(**known)) return jobs::damaged_result(key);
    return std::move(**known);
  }
  Result<RunRecord> record = simulate(task, use);
  if (!record && record.error().kind == ErrorKind::io) return record.error();
  if (!record) {  // a class that this point's requests do not have
    RunRecord wrong;
    wrong.problem = reason_of(record.error());
    record = std::move(wrong);
  }
  std::string text = encode(*record);
  if (!point.key.empty()) {
    const auto kept =
        memo.put({key, text, fmt::format("{}run={}\n", sweep_.abouts[task.point], task.run)});
    if (!kept) return kept.error();
  }
  return text;
}

Result<std::vector<SweepRuns::Outcome>> SweepRuns::outcomes(
    const std::vector<std::string>& results) const {
  std::vector<Outcome> out(sweep_.points.size());
  for (std::size_t p = 0; p < out.size(); ++p)
    if (problems_[p]) out[p].problem = reason_of(*problems_[p]);
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    auto record = decode_run(results[i]);
    EPH_ASSERT(record.has_value(), "the result of run {}: {}", i, results[i]);
    Outcome& outcome = out[tasks_[i].point];
    if (outcome.problem.empty()) outcome.problem = record->problem;
    outcome.runs.push_back(std::move(*record));
  }
  bool some = false;
  for (Outcome& outcome : out) {
    some = some || outcome.problem.empty();
    if (!outcome.problem.empty()) outcome.runs.clear();
  }
  if (!some && !tasks_.empty()) return usage_error(out[tasks_.front().point].problem);
  return out;
}

std::vector<std::string> SweepRuns::warnings(const std::vector<Outcome>& outcomes) const {
  std::vector<std::string> out = sweep_.remarks, lengths;
  std::set<std::string> said;
  std::size_t problems = 0;
  std::string first_problem;
  const auto say = [&](std::vector<std::string>& list, const std::string& text) {
    if (said.insert(text).second) list.push_back(text);
  };
  for (std::size_t p = 0; p < outcomes.size(); ++p) {
    if (!outcomes[p].problem.empty()) {
      if (problems++ == 0) first_problem = outcomes[p].problem;
      continue;
    }
    const auto& made = assembly(sweep_.points[p]);
    for (const std::string& text : made->warnings) say(out, text);
    const RunRecord& first = outcomes[p].runs.front();
    for (const std::string& text : first.warnings) say(out, text);
    if (first.mean_output <= 0) continue;
    for (const std::string& text :
         scenario::length_warnings(*made, first.mean_prompt, first.mean_output))
      say(lengths, text);
  }
  const std::size_t shown = std::min(lengths.size(), kMostLengthWarnings);
  out.insert(out.end(), lengths.begin(), lengths.begin() + static_cast<std::ptrdiff_t>(shown));
  if (lengths.size() > shown)
    out.push_back(
        fmt::format("{} more mean lengths of other points lie outside what the profile covers",
                    lengths.size() - shown));
  if (problems > 0)
    out.push_back(
        fmt::format("{} of {} points cannot be (status infeasible, with a note); the first: {}",
                    problems, outcomes.size(), first_problem));
  return out;
}

}  // namespace eph::app
