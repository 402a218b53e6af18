#pragma once
// The points of a sweep, and their simulations as tasks of a team.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/arguments.h"
#include "app/run_record.h"
#include "app/shared_requests.h"
#include "app/sweep_axes.h"
#include "jobs/team.h"
#include "models/catalog.h"
#include "scenario/assemble.h"
#include "scenario/scenario.h"

namespace eph::app {

struct Point {
  std::vector<std::string> values;  // by axis
  std::optional<Error> fault;       // of its scenario; then nothing else holds
  scenario::Scenario scenario;
  std::size_t deployment = 0;  // index of its assembly
  std::string key;             // digest of what determines its results; empty without identities
};

struct Sweep {
  std::vector<Axis> axes;
  std::vector<Point> points;
  std::vector<scenario::Scenario> deployments;  // distinct ones, apart from their replicas
  std::vector<std::string> abouts;              // by point: what its key was made of
  std::vector<std::string> remarks;             // fields without effect at some points
};

// With keys only where `identified`: they need every input file to be read once more.
[[nodiscard]] Result<Sweep> read_sweep(const Arguments& arguments, const models::Catalog& catalog,
                                       bool identified);

// Why a point cannot be, in one line and without what could be done about it.
[[nodiscard]] std::string reason_of(Error error);

// The assemblies of a sweep's deployments, and a task for each run of each point that can be; an
// error when none can for what is wrong with all, and where files cannot be read. Borrows the
// catalogue and the sweep.
class SweepRuns {
 public:
  [[nodiscard]] static Result<std::unique_ptr<SweepRuns>> prepare(const models::Catalog& catalog,
                                                                  const Sweep& sweep, int threads,
                                                                  bool exact_steps);
  // Borrow this.
  [[nodiscard]] jobs::TaskSet tasks() const;

  struct Outcome {
    std::vector<RunRecord> runs;
    std::string problem;  // why this point cannot be
  };
  // By point; `results`: what the tasks returned. An error: every point turned out to be wrong.
  [[nodiscard]] Result<std::vector<Outcome>> outcomes(
      const std::vector<std::string>& results) const;
  // What is to be said of the whole sweep: of its deployments, its workloads, and of lengths beyond
  // what was measured.
  [[nodiscard]] std::vector<std::string> warnings(const std::vector<Outcome>& outcomes) const;

 private:
  struct Task {
    std::size_t point = 0;
    std::uint64_t run = 0;
    std::size_t requests = SharedRequests::kNone;
  };
  SweepRuns(const models::Catalog& catalog, const Sweep& sweep, bool exact_steps)
      : catalog_(catalog), sweep_(sweep), exact_steps_(exact_steps) {}
  [[nodiscard]] Result<void> check_points(int threads);
  [[nodiscard]] std::optional<Error> check_point(const Point& point) const;
  // Requires a point without fault.
  [[nodiscard]] const Result<scenario::Assembly>& assembly(const Point& point) const {
    return *assemblies_[point.deployment];
  }
  [[nodiscard]] Result<std::string> run(const Task& task, jobs::Memo& memo) const;
  [[nodiscard]] Result<RunRecord> simulate(const Task& task, SharedRequests::Use& use) const;

  const models::Catalog& catalog_;
  const Sweep& sweep_;
  bool exact_steps_;
  std::vector<std::optional<Result<scenario::Assembly>>> assemblies_;
  std::vector<std::optional<Error>> problems_;  // by point: why it cannot be
  std::vector<std::vector<PoolTerms>> terms_;   // by point
  std::vector<Task> tasks_;
  std::unique_ptr<SharedRequests> requests_ = std::make_unique<SharedRequests>();
};

}  // namespace eph::app
