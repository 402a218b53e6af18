#pragma once
// Token counts of synthetic arrivals.
#include "core/result.h"
#include "scenario/scenario.h"
#include "workload/lengths.h"

namespace eph::scenario {

// Fixed at the nominal counts, or uniform in nominal * [1 - spread, 1 + spread], at least 1.
[[nodiscard]] workload::LengthPair lengths_of(const SyntheticSpec& spec);

}  // namespace eph::scenario
