#pragma once
// How long one iteration takes.
#include <span>
#include <string>
#include <vector>

#include "core/units.h"
#include "models/batch_shape.h"
#include "models/stretch.h"

namespace eph::models {

// Where a step's time goes, seconds. `total` is what predict returns; the parts explain it and need
// not add up to it where they overlap (host work runs beside the GPU).
struct StepBreakdown {
  double gemm = 0, attention_prefill = 0, attention_decode = 0, moe = 0, communication = 0,
         elementwise = 0, overhead = 0;
  double gpu = 0, host = 0, total = 0;
};

// One step on the two resources that work side by side, seconds (MODEL eq. 18). The launching
// thread is taken for lead + launch; the GPU begins after lead and does not end before the launch
// has ended; results is work of the same thread between the GPU's end and the moment at which the
// tokens leave and the next step can be composed.
struct StepTimes {
  double gpu = 0, lead = 0, launch = 0, results = 0;
  double launch_jitter = 0;  // mean of an exponential that is added to launch
};

// Contract:
//  - predict is > 0 for every non-empty shape, finite, deterministic, without allocation
//  - not decreasing in any field of the shape (property test), but for CUDA-graph padding and the
//    eager boundary, which a model documents
//  - thread safe
class StepModel {
 public:
  virtual ~StepModel() = default;
  [[nodiscard]] virtual double seconds(const BatchShape& shape) const noexcept = 0;
  [[nodiscard]] virtual StepBreakdown explain(const BatchShape& shape) const = 0;
  // All of it on the GPU, unless a model knows better.
  [[nodiscard]] virtual StepTimes times(const BatchShape& shape) const noexcept {
    return {.gpu = seconds(shape)};
  }

  // The stretch that begins with `first`, a step that only decodes; left is 0 if it launches, or
  // the model has no formula for it.
  [[nodiscard]] virtual Stretch stretch(const BatchShape& first) const noexcept;
  // Seconds that times().gpu of none of the first `steps` steps of a stretch is below.
  [[nodiscard]] virtual double stretch_floor(const BatchShape& first,
                                             std::int64_t /*steps*/) const noexcept {
    return times(first).gpu;
  }

  // Of how many data-parallel ranks a shape is the sum: it is taken as spread evenly over them.
  [[nodiscard]] virtual int ranks() const noexcept { return 1; }

  // A model that also wants to know how unequal the decodes are says so, and is asked with the KV
  // lengths of the decoding sequences at the step's start, in any order (their sum is in the
  // shape).
  [[nodiscard]] virtual bool needs_contexts() const noexcept { return false; }
  [[nodiscard]] virtual double seconds_with(
      const BatchShape& shape, std::span<const std::int32_t> /*contexts*/) const noexcept {
    return seconds(shape);
  }
};

// A step model with free coefficients: what calibration works on.
class FittableStepModel : public StepModel {
 public:
  [[nodiscard]] virtual std::size_t coefficient_count() const = 0;
  // d seconds / d coefficient at the current coefficients; row.size() == coefficient_count().
  virtual void gradient(const BatchShape& shape, std::span<double> row) const = 0;
};

}  // namespace eph::models
