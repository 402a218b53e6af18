#pragma once
// Takes back the rounding of recorded times.
#include <memory>

#include "workload/arrival.h"

namespace eph::workload {

// Requests that share a time are spread uniformly over the `step` that follows it, or over the gap
// to the next time where that is shorter; their order stays. Deterministic from (seed, run).
// Requires step > 0.
[[nodiscard]] Result<std::unique_ptr<ArrivalSource>> dequantise(
    std::unique_ptr<ArrivalSource> source, Duration step, std::uint64_t seed, std::uint64_t run);

}  // namespace eph::workload
