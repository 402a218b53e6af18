#pragma once
// The step model that calibration fits: physically computed operator times times fitted scales, plus
// fitted overheads, plus host work that overlaps the GPU. docs/MODEL.md "Step time" has the equations
// (from MODEL_NOTES section 2 and PERCENTILES section 2 of the measurements they were tried on).
#include <memory>

#include "core/result.h"
#include "models/gpu_spec.h"
#include "models/llm_spec.h"
#include "models/parallelism.h"
#include "models/profile.h"
#include "models/step_model.h"

namespace eph::models {

// Everything about the deployment that the times depend on.
struct StepContext {
  GpuSpec gpu;
  LlmSpec llm;
  Parallelism layout;
  Precision kv_precision = Precision::bf16;
  bool async_scheduling = true;      // host work overlaps the GPU: (gpu^q + host^q)^(1/q), else gpu + host
  std::int64_t max_graph_tokens = 512;  // steps above it run eagerly; below, tokens are padded up
};

class FittedStepModel final : public FittableStepModel {
 public:
  // `host_speed` multiplies all host terms.
  FittedStepModel(const StepContext& context, const CoefficientValues& values, double host_speed = 1.0);

  [[nodiscard]] double seconds(const BatchShape& shape) const noexcept override;
  [[nodiscard]] StepBreakdown explain(const BatchShape& shape) const override;
  // Columns in the order of Coefficient; coefficients that no step depends on (front end) give 0.
  [[nodiscard]] std::size_t coefficient_count() const override { return kCoefficientCount; }
  void gradient(const BatchShape& shape, std::span<double> row) const override;

  void set_values(const CoefficientValues& values);
  [[nodiscard]] const CoefficientValues& values() const { return values_; }

 private:
  struct Terms;  // operator times of a shape at scale 1
  void compute_terms(const BatchShape& shape, Terms& terms) const noexcept;

  struct Linear {  // one GEMM per layer (or LM head): n x k weights, how often
    double n = 0, k = 0, count = 0, weight_bytes = 0, flops_rate = 0;
    int precision_group = 0;  // 0: 16 bit, 1: fp8, 2: fp8 block, 3: 4 bit
  };
  StepContext context_;
  CoefficientValues values_;
  double host_speed_ = 1.0;
  std::vector<Linear> linears_;
};

}  // namespace eph::models
