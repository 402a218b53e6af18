#pragma once
// Fewest replicas of each candidate that meet the objectives on the workload, and what they cost.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json_doc.h"
#include "core/result.h"
#include "jobs/team.h"
#include "models/catalog.h"
#include "models/price_book.h"
#include "planner/forecast.h"
#include "planner/trial.h"
#include "scenario/assemble.h"
#include "scenario/scenario.h"
#include "sim/slo.h"

namespace eph::planner {

struct PlanProblem {
  std::vector<scenario::DeploymentSpec> candidates;  // replicas are searched, the rest is given
  scenario::WorkloadSpec workload;
  std::vector<sim::Slo> slos;  // at least one
  std::uint64_t seed = 1;
  // By candidate, what names everything that its simulations depend on apart from the program, a
  // line each; empty without a ledger and without other processes.
  std::vector<std::string> abouts;
  std::vector<std::string> notes;  // what the report says of all candidates together
};

struct PlanOptions {
  int max_replicas = 4096;
  std::string price_file;  // empty: the shipped list
  std::string provider;    // empty: "generic"
  std::string commitment = "on_demand";
  int threads = 0;  // 0: one per core; results do not depend on it
  // Share of the requests that may be refused by the engine (longer than its limits): a trace's one
  // outlier should not make every plan infeasible. Whatever is refused is a warning of its row.
  double max_rejected_share = 0.001;
  bool exact_steps = false;  // SimulationConfig::exact_steps
};

// One candidate's answer.
struct PlanRow {
  scenario::DeploymentSpec deployment;  // replicas filled in
  bool feasible = false;
  std::string reason;  // why not: "does not fit", "p95_tpot 41 ms at any size (limit 30 ms)"
  int replicas = 0;
  int gpus = 0;
  bool priced = true;  // false: no price is known, and both costs are 0
  double usd_per_hour = 0;
  double usd_per_million_output_tokens = 0;
  double headroom =
      0;  // share by which the tightest objective could still grow: limit / measured - 1
  // Probability that the least certain objective is met by the real engine, from the held-out
  // errors of its profile; none: the profile says nothing on them.
  std::optional<double> confidence;
  TrialFigures at_plan;      // the run that justifies it
  int replicas_refused = 0;  // largest count that was simulated and failed; 0: none
  std::vector<std::string> warnings;
};

struct PlanReport {
  std::string workload;
  double mean_rate = 0, peak_rate = 0;  // requests/s; peak over 60 s
  std::uint64_t requests = 0;
  std::vector<PlanRow> rows;  // feasible first, by cost per hour, then GPUs, then the order given
  int simulations = 0;
  std::string price_note;  // where the prices come from
  std::vector<std::string> warnings, notes;
};

// A plan as tasks of a team, one a candidate. Borrows the catalogue and the problem.
class Plan {
 public:
  // Error: a bad workload or price list.
  [[nodiscard]] static Result<Plan> prepare(const models::Catalog& catalog,
                                            const PlanProblem& problem, const PlanOptions& options);
  // Borrow this plan.
  [[nodiscard]] jobs::TaskSet tasks() const;
  // `answers`: what the tasks returned.
  [[nodiscard]] Result<PlanReport> report(const std::vector<std::string>& answers) const;

 private:
  using Prices = std::vector<std::optional<models::Price>>;  // by candidate
  Plan(const models::Catalog& catalog, const PlanProblem& problem, PlanOptions options,
       Prices prices, scenario::RequestList requests)
      : catalog_(catalog),
        problem_(problem),
        options_(std::move(options)),
        prices_(std::move(prices)),
        requests_(std::move(requests)),
        load_(cut_load(requests_)) {}
  [[nodiscard]] const std::string& about(std::size_t candidate) const;

  const models::Catalog& catalog_;
  const PlanProblem& problem_;
  PlanOptions options_;
  Prices prices_;
  scenario::RequestList requests_;
  LoadPieces load_;
  std::string nameless_;
};

// On this process alone, without a ledger.
// Error: a bad candidate or workload. A candidate that fits nowhere or cannot meet the objectives
// is a row with feasible = false, not an error.
[[nodiscard]] Result<PlanReport> plan(const models::Catalog& catalog, const PlanProblem& problem,
                                      const PlanOptions& options);

[[nodiscard]] Json to_json(const PlanReport& report);

}  // namespace eph::planner
