#pragma once
// The leader's side of a team: hands tasks out and collects what comes back.
#include "jobs/team.h"

namespace eph::jobs {

// Returns when every task is done, or those before and beside the first failure are. All other
// processes must have said hello by then.
[[nodiscard]] Result<std::vector<std::string>> lead(Channel& channel, const TaskSet& tasks,
                                                    const TeamOptions& options);

}  // namespace eph::jobs
