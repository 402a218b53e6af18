#pragma once
// Invented open-loop traffic: an arrival process over a rate profile, with independent lengths.
#include <cstdint>
#include <memory>

#include "core/result.h"
#include "workload/arrival.h"
#include "workload/lengths.h"
#include "workload/rate_profile.h"

namespace eph::workload {

// Gaps in expected requests (time-rescaled, so a gap is shorter where the rate is higher):
// exponential of mean 1; gamma of mean 1 with the given CV; or exactly 1, with the first request at
// time 0.
enum class ArrivalProcess { poisson, gamma, constant };

struct SyntheticConfig {
  ArrivalProcess process = ArrivalProcess::poisson;
  double cv = 1.0;  // gamma: standard deviation over mean of a gap
  RateProfile rate;
  LengthPair lengths;         // drawn independently; output is also what the request allows
  std::int64_t requests = 0;  // 0: by duration
  double duration_s = 0;      // 0: by requests, or the end of the rate profile
  std::uint64_t seed = 1;
  std::uint64_t run = 0;
};

// Errors (kind usage): nothing that ends the stream, a CV not above 0, lengths out of range.
[[nodiscard]] Result<std::unique_ptr<ArrivalSource>> make_synthetic(const SyntheticConfig& config);

}  // namespace eph::workload
