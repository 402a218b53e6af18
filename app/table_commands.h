#pragma once
// Parts of `calibrate` and `validate` for tables that are no serving runs: start-ups, llama-bench.
#include <optional>

#include "app/arguments.h"

namespace eph::app {

// The exit code, or nullopt when the arguments ask for something else.
[[nodiscard]] std::optional<int> calibrate_table(const Arguments& arguments);
[[nodiscard]] std::optional<int> validate_table(const Arguments& arguments);

}  // namespace eph::app
