#pragma once
// Measured runs with other engine options than they had: which of them the measurements tell.
#include <string>
#include <vector>

#include "calibration/protocol.h"
#include "models/catalog.h"
#include "scenario/scenario.h"

namespace eph::calibration {

struct RunOptions {
  std::string
      preset;  // options by name; the row's own limits are forgotten for the engine's defaults
  std::vector<scenario::EngineSetting> settings;  // by the engines' names, in place of the row's
  [[nodiscard]] bool any() const { return !preset.empty() || !settings.empty(); }
};

// Errors that hold for any row: an option that no engine has, or of drafts, which no measured run
// has.
[[nodiscard]] Result<void> check_run_options(const RunOptions& options);

// Error: an option or preset that the row's engine does not have, or cannot run with.
[[nodiscard]] Result<void> apply_run_options(const models::Catalog& catalog,
                                             const RunOptions& options, RunPlan& plan);

}  // namespace eph::calibration
