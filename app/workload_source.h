#pragma once
// The requests that `workload describe` and `workload fit` look at.
#include <memory>
#include <string>

#include "app/arguments.h"
#include "app/scenario_flags.h"
#include "models/catalog.h"
#include "scenario/load.h"

namespace eph::app {

struct OpenedWorkload {
  std::unique_ptr<workload::ArrivalSource> source;
  std::string text;                // what it is
  std::vector<std::string> notes;  // what the reader does to it
};

// The positional word is a trace, or a workload model: a shipped name or a .json file.
[[nodiscard]] Result<OpenedWorkload> open_workload(const models::Catalog& catalog,
                                                   const Arguments& arguments, const FlagUse& use);

}  // namespace eph::app
