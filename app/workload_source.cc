#include "app/workload_source.h"

#include "scenario/assemble.h"

namespace eph::app {

Result<OpenedWorkload> open_workload(const models::Catalog& catalog, const Arguments& arguments,
                                     const FlagUse& use) {
  Arguments all = arguments;
  if (!arguments.positionals().empty()) all.add("trace", arguments.positionals().front());
  const Result<GatheredScenario> gathered = gather_scenario(all, use);
  if (!gathered) return gathered.error();
  const scenario::Scenario& s = gathered->scenario;
  auto source = scenario::open_source(catalog, s.workload, s.seed, 0);
  if (!source) return source.error();
  return OpenedWorkload{std::move(*source), scenario::describe(s.workload),
                        scenario::trace_notes(s.workload)};
}

}  // namespace eph::app
