#pragma once
// Traffic drawn from a workload model.
#include <memory>

#include "workload/transforms.h"
#include "workload/workload_model.h"

namespace eph::workload {

struct ModelTrafficOptions {
  // superpose: `rate_scale` times the requests at the model's rate profile; bursts average out as
  // those of independent users do (the sum of k streams that share only the profile), below 1 they
  // stay. compress: the model's time runs `rate_scale` times faster.
  double rate_scale = 1;
  RateMode mode = RateMode::superpose;
  double duration_s = 0;  // 0: one pass over the profile, unless `requests` is given
  std::int64_t requests =
      0;  // 0: by duration. Beyond its end the profile starts anew, drawn afresh
  std::uint64_t seed = 1;
  std::uint64_t run = 0;
};

// Deterministic; memory is bounded by the busiest rate window. `model` is copied.
[[nodiscard]] Result<std::unique_ptr<ArrivalSource>> make_model_traffic(
    const WorkloadModel& model, const ModelTrafficOptions& options = {});

}  // namespace eph::workload
