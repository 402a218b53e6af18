#pragma once
// One task, run to its message: a result, an error, or what an exception said.
#include "jobs/message.h"
#include "jobs/team.h"

namespace eph::jobs {

[[nodiscard]] Message run_task(const TaskSet& tasks, std::size_t task, Memo& memo);

}  // namespace eph::jobs
