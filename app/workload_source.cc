#include "app/workload_source.h"

#include <algorithm>

#include "scenario/assemble.h"

namespace eph::app {
namespace {

// Traces come as .csv and .jsonl, workload models as .json or by the name of a shipped one.
bool names_model(const models::Catalog& catalog, const std::string& word) {
  const std::vector<std::string> shipped = scenario::shipped_workloads(catalog);
  return word.ends_with(".json") ||
         std::find(shipped.begin(), shipped.end(), word) != shipped.end();
}

}  // namespace

Result<OpenedWorkload> open_workload(const models::Catalog& catalog, const Arguments& arguments,
                                     const FlagUse& use) {
  Arguments all = arguments;
  if (!arguments.positionals().empty()) {
    const std::string& word = arguments.positionals().front();
    all.add(names_model(catalog, word) ? "workload" : "trace", word);
  }
  const Result<GatheredScenario> gathered = gather_scenario(all, use);
  if (!gathered) return gathered.error();
  const scenario::Scenario& s = gathered->scenario;
  auto source = scenario::open_source(catalog, s.workload, s.seed, 0);
  if (!source) return source.error();
  return OpenedWorkload{std::move(*source), scenario::describe(s.workload),
                        scenario::trace_notes(s.workload)};
}

}  // namespace eph::app
