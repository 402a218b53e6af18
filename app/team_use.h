#pragma once
// What the commands that run on many processors and machines share.
#include <functional>
#include <memory>
#include <vector>

#include "app/arguments.h"
#include "app/progress.h"
#include "jobs/ledger.h"
#include "jobs/team.h"

namespace eph::app {

// --threads, --exact-steps, --ledger and --data.
[[nodiscard]] std::vector<OptionSpec> team_execution_options();
// Null without --ledger. Says when the file has results of other builds, which are not used.
[[nodiscard]] Result<std::unique_ptr<jobs::Ledger>> open_ledger(const Arguments& arguments);
// `tasks`: how many there are, for the progress line. The options borrow all of these.
[[nodiscard]] jobs::TeamOptions team_options(int threads, jobs::Ledger* ledger, ProgressLine& line,
                                             std::size_t tasks);

// Runs `lead` in the leading process, and `assist` in those that mpirun started beside it, which
// say nothing themselves. Both get the team; an error of `assist` is told to the leader.
[[nodiscard]] int run_as_team(const std::function<int(jobs::Team&)>& lead,
                              const std::function<Result<void>(jobs::Team&)>& assist);

}  // namespace eph::app
