#pragma once
// Fits MODEL eq. 26 and 27 to llama-bench rows.
#include <functional>
#include <string>
#include <vector>

#include "calibration/cpu/bench_runs.h"
#include "models/cpu_profile.h"

namespace eph::calibration {

// Robust least squares on the logarithm: classes, kinds and machines together, kinds shrunk to what
// their vector instructions suggest and machines to their kind. Rows with `used` false or a reason
// to be left out do not count. Spreads and errors are not filled in.
[[nodiscard]] models::CpuProfile fit_bench(const std::vector<BenchRow>& rows,
                                           const std::vector<bool>& used);

// Tokens a second by the profile; 0 when it cannot say. `as_new`: as if the machine itself had not
// been measured.
[[nodiscard]] double predict_bench(const models::CpuProfile& profile, const BenchRow& row,
                                   bool as_new = false);

// Tokens a second of each row by a fit that has not seen its group; 0 where there is none.
using BenchGroup = std::function<std::string(const BenchRow&)>;
[[nodiscard]] std::vector<double> predict_held_out(const std::vector<BenchRow>& rows,
                                                   const BenchGroup& group, int threads);

}  // namespace eph::calibration
