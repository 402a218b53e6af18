#include "app/team_use.h"

#include <fmt/format.h>

#include <cstdlib>

#include "app/console.h"
#include "app/data_folder.h"
#include "app/run_identity.h"
#include "jobs/join.h"

namespace eph::app {

std::vector<OptionSpec> team_execution_options() {
  return {
      {"threads", "N", "simulations at the same time; the results do not depend on it [all cores]"},
      {"exact-steps", "",
       "one event per iteration instead of one per change of the batch: slower, with "
       "the same results (but for the number of events)"},
      {"ledger", "FILE",
       "keep the result of every simulation there (SQLite), and take those that are there "
       "already instead of "
       "simulating again"},
      data_option()};
}

Result<std::unique_ptr<jobs::Ledger>> open_ledger(const Arguments& arguments) {
  if (!arguments.has("ledger")) return std::unique_ptr<jobs::Ledger>();
  const Result<std::string> program = program_identity();
  if (!program) return program.error();
  auto ledger = jobs::Ledger::open(arguments.text("ledger"), *program);
  if (!ledger) return ledger.error();
  const auto others = (*ledger)->count_of_other_programs();
  if (!others) return others.error();
  if (*others > 0) {
    write_note(fmt::format("note: {}: {} results of other builds of the program are not used",
                           arguments.text("ledger"), *others));
  }
  return ledger;
}

jobs::TeamOptions team_options(int threads, jobs::Ledger* ledger, ProgressLine& line,
                               std::size_t tasks) {
  jobs::TeamOptions out;
  out.threads = threads;
  out.ledger = ledger;
  if (line.visible()) {
    const auto show = [&line, tasks](std::size_t done) {
      line.show(static_cast<double>(done) / static_cast<double>(tasks),
                fmt::format("{} of {} done", done, tasks));
    };
    if (tasks > 0) show(0);
    out.progress = show;
  }
  out.ended = [](const Error& error) {
    write_error(error);
    std::_Exit(exit_code(error.kind));  // MPI cannot be left in order any more
  };
  return out;
}

int run_as_team(const std::function<int(jobs::Team&)>& lead,
                const std::function<Result<void>(jobs::Team&)>& assist) {
  Result<jobs::Team> team = jobs::Team::join();
  if (!team) {
    // Every process knows that there is no MPI; a library that cannot be loaded may be one host's.
    const bool said =
        jobs::launch_of_environment().rank > 0 && team.error().kind == ErrorKind::usage;
    return said ? kOk : fail(team.error());
  }
  if (team->leads()) return lead(*team);
  if (const Result<void> done = assist(*team); !done) team->decline(done.error());
  return kOk;
}

}  // namespace eph::app
