#pragma once
// What `plan` prints for people.
#include <string>

#include "planner/plan.h"

namespace eph::app {

[[nodiscard]] std::string plan_text(const planner::PlanProblem& problem,
                                    const planner::PlanReport& report);

}  // namespace eph::app
