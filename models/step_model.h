#pragma once
// How long one iteration takes.
#include <span>
#include <string>
#include <vector>

#include "core/units.h"
#include "models/batch_shape.h"

namespace eph::models {

// Where a step's time goes, seconds. `total` is what predict returns; the parts explain it and need not
// add up to it where they overlap (host work runs beside the GPU).
struct StepBreakdown {
  double gemm = 0, attention_prefill = 0, attention_decode = 0, moe = 0, communication = 0,
         elementwise = 0, overhead = 0;
  double gpu = 0, host = 0, total = 0;
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

  // A model that also wants to know how unequal the decodes are says so, and is asked with the KV
  // lengths of the decoding sequences at the step's start, in any order (their sum is in the shape).
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
