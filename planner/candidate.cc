#include "planner/candidate.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "core/sha256.h"
#include "jobs/figures.h"
#include "planner/count_search.h"
#include "planner/evaluate.h"

namespace eph::planner {
namespace {

class CandidateSearch {
 public:
  CandidateSearch(const scenario::Assembly& assembly, const scenario::RequestList& requests,
                  const LoadPieces& load, const EvaluateOptions& options, const std::string& about,
                  jobs::Memo& memo)
      : assembly_(assembly),
        requests_(requests),
        options_(options),
        forecast_(assembly, load, options.slos),
        about_(about),
        key_(sha256(about)),
        memo_(memo) {}

  Result<CountAnswer> run(int max_replicas) {
    return smallest_count([this](int count) { return trial(count); },
                          [this] { return forecast_.smallest(); }, max_replicas);
  }

  // Of the smallest count that passed so far: trials that pass only go down.
  [[nodiscard]] const std::optional<TrialFigures>& best() const { return best_; }
  [[nodiscard]] const std::string& last_failure() const { return last_failure_; }

 private:
  Result<TrialFigures> figures(int count) {
    const std::string key = fmt::format("{}/{}", key_, count);
    const auto known = memo_.find(key);
    if (!known) return known.error();
    if (*known) {
      const Result<Json> json = parse_json(**known, key);
      const auto figures = json ? read_figures(*json) : std::nullopt;
      if (!figures) return jobs::damaged_result(key);
      return *figures;
    }
    const Result<Evaluation> outcome = evaluate(assembly_, requests_, count, options_);
    if (!outcome) return outcome.error();
    TrialFigures out = figures_of(*outcome, count);
    const auto kept =
        memo_.put({key, to_json(out).dump(-1), fmt::format("{}replicas={}\n", about_, count)});
    if (!kept) return kept.error();
    return out;
  }

  Result<Trial> trial(int count) {
    Result<TrialFigures> found = figures(count);
    if (!found) return found.error();
    const Trial verdict = found->verdict;
    forecast_.learn(count, verdict == Trial::pass, found->arrived, found->measured_s);
    if (verdict == Trial::pass) {
      best_ = std::move(*found);
    } else {
      last_failure_ = fmt::format("{} with {} replicas", found->failure, count);
    }
    return verdict;
  }

  const scenario::Assembly& assembly_;
  const scenario::RequestList& requests_;
  const EvaluateOptions& options_;
  Forecast forecast_;
  const std::string& about_;
  std::string key_;
  jobs::Memo& memo_;
  std::optional<TrialFigures> best_;
  std::string last_failure_;
};

double tightest_headroom(const TrialFigures& figures, const std::vector<sim::Slo>& slos) {
  double headroom = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < slos.size(); ++i) {
    if (figures.measured_s[i] > 0)
      headroom = std::min(headroom, slos[i].limit.seconds() / figures.measured_s[i] - 1.0);
  }
  return headroom;
}

// TTFT's errors are stated apart; the other latencies are mostly time per output token.
std::optional<double> least_chance(const TrialFigures& figures, const std::vector<sim::Slo>& slos,
                                   const std::optional<scenario::StatedError>& error) {
  if (!error) return std::nullopt;
  double chance = 1;
  for (std::size_t i = 0; i < slos.size(); ++i) {
    const bool ttft = slos[i].latency == sim::Latency::ttft;
    chance = std::min(chance, scenario::chance_below(slos[i].limit.seconds(), figures.measured_s[i],
                                                     ttft ? error->ttft_sd : error->tpot_sd));
  }
  return chance;
}

std::string infeasible(const std::string& reason, int simulations, int refused,
                       const std::vector<std::string>& warnings) {
  Json json = Json::object();
  json.set("reason", reason).set("simulations", simulations).set("refused", refused);
  return json.set("warnings", jobs::texts(warnings)).dump(-1);
}

}  // namespace

Result<std::string> search_candidate(const models::Catalog& catalog,
                                     const scenario::DeploymentSpec& spec,
                                     const PlanProblem& problem, const PlanOptions& options,
                                     const scenario::RequestList& requests, const LoadPieces& load,
                                     const std::string& about, jobs::Memo& memo) {
  Result<scenario::Assembly> assembly = scenario::assemble(catalog, spec);
  if (!assembly) {
    if (assembly.error().kind != ErrorKind::infeasible) return assembly.error();
    return infeasible(assembly.error().what, 0, 0, {});
  }
  std::vector<std::string> warnings = assembly->warnings;
  scenario::set_clients(problem.workload, assembly->config);
  assembly->config.exact_steps = options.exact_steps;
  for (std::string& text : scenario::idle_warnings(requests.shares_prefixes,
                                                   requests.varies_priorities, assembly->config))
    warnings.push_back(std::move(text));
  const EvaluateOptions evaluation{problem.slos, problem.seed, options.max_rejected_share};
  CandidateSearch search(*assembly, requests, load, evaluation, about, memo);
  const Result<CountAnswer> answer = search.run(options.max_replicas);
  if (!answer) return answer.error();
  if (!answer->smallest)
    return infeasible(search.last_failure(), answer->trials, answer->largest_refused, warnings);
  const TrialFigures& best = *search.best();
  if (best.rejected > 0) {
    warnings.push_back(fmt::format(
        "{} of {} requests are refused by the engine: longer than its limits or its KV cache",
        best.rejected, best.arrived));
  }
  Json json = Json::object();
  json.set("simulations", answer->trials)
      .set("refused", answer->largest_refused)
      .set("replicas", *answer->smallest);
  if (const auto chance = least_chance(best, problem.slos, assembly->error))
    json.set("confidence", jobs::exact(*chance));
  json.set("figures", to_json(best)).set("warnings", jobs::texts(warnings));
  return json.dump(-1);
}

Result<CandidateAnswer> read_answer(const std::string& text, const scenario::DeploymentSpec& spec,
                                    const PlanProblem& problem) {
  const Result<Json> json = parse_json(text, "candidate");
  if (!json) return json.error();
  CandidateAnswer out;
  out.row.deployment = spec;
  out.row.deployment.replicas = 0;
  out.simulations = static_cast<int>(json->find("simulations")->as_int());
  out.row.replicas_refused = static_cast<int>(json->find("refused")->as_int());
  out.row.warnings = *jobs::read_texts(json->find("warnings"));
  if (const Json* reason = json->find("reason")) {
    out.row.reason = reason->as_string();
    return out;
  }
  const auto figures = read_figures(*json->find("figures"));
  EPH_ASSERT(figures.has_value() && figures->measured_s.size() == problem.slos.size(),
             "the answer of a candidate: {}", text);
  PlanRow& row = out.row;
  row.feasible = true;
  row.replicas = row.deployment.replicas = static_cast<int>(json->find("replicas")->as_int());
  row.gpus = row.replicas * spec.layout.gpus();
  row.at_plan = *figures;
  row.headroom = tightest_headroom(row.at_plan, problem.slos);
  row.confidence = jobs::exact_number(json->find("confidence"));
  return out;
}

}  // namespace eph::planner
