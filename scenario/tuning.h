#pragma once
// What only one engine knows, put into the simulator's options.
#include "core/result.h"
#include "scenario/scenario.h"
#include "sim/config.h"

namespace eph::scenario {

// Absent options leave `out` as it is, but for what data-parallel ranks change. Requires its
// max_model_len.
[[nodiscard]] Result<void> apply_tuning(const EngineTuning& tuning, int ranks,
                                        sim::EngineOptions& out);

}  // namespace eph::scenario
