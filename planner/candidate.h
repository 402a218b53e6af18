#pragma once
// The search for one candidate, from its deployment to a row of the plan.
#include <string>

#include "core/result.h"
#include "jobs/memo.h"
#include "models/catalog.h"
#include "planner/forecast.h"
#include "planner/plan.h"

namespace eph::planner {

// The answer as text: what a task of a team returns. `about` names everything that its simulations
// depend on apart from the program; the memo is asked for sha256(about)/REPLICAS.
[[nodiscard]] Result<std::string> search_candidate(
    const models::Catalog& catalog, const scenario::DeploymentSpec& spec,
    const PlanProblem& problem, const PlanOptions& options, const scenario::RequestList& requests,
    const LoadPieces& load, const std::string& about, jobs::Memo& memo);

struct CandidateAnswer {
  PlanRow row;  // without prices
  int simulations = 0;
};
[[nodiscard]] Result<CandidateAnswer> read_answer(const std::string& text,
                                                  const scenario::DeploymentSpec& spec,
                                                  const PlanProblem& problem);

}  // namespace eph::planner
