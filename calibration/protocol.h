#pragma once
// From a measured row to what has to be simulated: load, engine settings, which requests count.
// Each rule and its evidence: docs/VALIDATION.md "Protocols".
#include <bitset>
#include <optional>
#include <string>

#include "calibration/deployment.h"
#include "calibration/measured_run.h"
#include "calibration/tool_load.h"
#include "core/result.h"
#include "models/memory.h"
#include "sim/config.h"

namespace eph::calibration {

struct RunPlan {
  std::size_t row = 0;
  Protocol protocol = Protocol::unknown;
  Deployment deployment;
  sim::EngineOptions engine;
  models::KvPoolOptions kv;  // without the fitted reserve
  int replicas = 1;
  // Disaggregated: the workers that prefill; `deployment` and `replicas` are the ones that decode.
  std::optional<Deployment> prefill;
  int prefill_workers = 1;
  bool in_process = false;  // the tool called the engine without a server: no front end
  ToolLoadSpec load;
  // Requests that complete in (count_from_s, count_to_s] count; count_to_s 0: all of them, to the
  // end.
  double count_from_s = 0, count_to_s = 0;
  FigureSet measured;
  // Figures that enter fits and error tables; `left_out` says why others do not.
  std::bitset<kFigureCount> scored;
  std::string left_out;
  std::string host;  // "<cloud> <gpu>": key of the host-speed factor; empty: not told apart

  [[nodiscard]] bool is_scored(Figure f) const { return scored.test(static_cast<std::size_t>(f)); }
};

// Loops whose start, warm-up or client the tables give in part or not at all, InferenceMAX's
// included: their mean TTFT has a residual of its own (models::FirstTokenResidual).
[[nodiscard]] bool has_undocumented_ramp(Protocol protocol);

// Rows that one fit explains together, as profiles name it: models::version_family of the engine's
// version, but models::kOfflineFamily for offline batches of TensorRT-LLM, which no server and no
// client slow down and whose batches are thirty times those of the served runs.
[[nodiscard]] std::string_view fit_family(models::EngineKind engine, std::string_view version,
                                          Protocol protocol);

// The error says why the row cannot be simulated at all.
[[nodiscard]] Result<RunPlan> plan_run(const MeasuredRun& run, SpecCache& specs);

}  // namespace eph::calibration
