#pragma once
// The parts of ephemeris calibrate that fit machines and leave an engine's coefficients as they
// are.
#include <string>

#include "app/arguments.h"
#include "models/engine_kind.h"

namespace eph::app {

// --keep PROFILE: fits the factors of other GPUs and of hosts anew and writes the profile to --out.
// `command` is written into it.
[[nodiscard]] int run_carry_over(const Arguments& arguments, const std::string& command);

// --host-from FILE: prints the host speed that synchronous runs of a machine ask for.
[[nodiscard]] int run_host_estimate(const Arguments& arguments, models::EngineKind engine);

}  // namespace eph::app
