#include "scenario/synthetic_lengths.h"

#include <algorithm>
#include <cmath>

#include "workload/arrival.h"

namespace eph::scenario {

namespace {

workload::Length around(std::int64_t nominal, double spread) {
  if (spread == 0) return workload::FixedLength{static_cast<std::int32_t>(nominal)};
  const double n = static_cast<double>(nominal);
  const double low = std::max(1.0, std::ceil(n * (1 - spread)));
  const double high = std::min(std::floor(n * (1 + spread)), 1.0 * workload::kMaxTokens);
  return workload::UniformLength{static_cast<std::int32_t>(low),
                                 static_cast<std::int32_t>(std::max(low, high))};
}

}  // namespace

workload::LengthPair lengths_of(const SyntheticSpec& spec) {
  return {around(spec.prompt_tokens, spec.length_spread),
          around(spec.output_tokens, spec.length_spread)};
}

}  // namespace eph::scenario
