#pragma once
// The step model that calibration fits: physically computed operator times times fitted scales,
// plus fitted overheads, plus host work that overlaps the GPU. docs/MODEL.md "Step time" has the
// equations (from MODEL_NOTES section 2 and PERCENTILES section 2 of the measurements they were
// tried on).
#include <array>
#include <vector>

#include "models/profile.h"
#include "models/step_context.h"
#include "models/step_model.h"
#include "models/step_ops.h"
#include "models/step_residual.h"
#include "models/token_grid.h"

namespace eph::models {

// Construction tabulates the token-dependent times (about a millisecond); predictions then cost
// some tens of nanoseconds. Not decreasing in any field of the shape, as long as no coefficient is
// negative and host_layer_eager is not below host_layer_graph.
class FittedStepModel final : public FittableStepModel {
 public:
  FittedStepModel(const StepContext& context, const CoefficientValues& values);

  [[nodiscard]] double seconds(const BatchShape& shape) const noexcept override;
  [[nodiscard]] StepTimes times(const BatchShape& shape) const noexcept override;
  [[nodiscard]] Stretch stretch(const BatchShape& first) const noexcept override;
  [[nodiscard]] double stretch_floor(const BatchShape& first,
                                     std::int64_t steps) const noexcept override;
  [[nodiscard]] int ranks() const noexcept override { return context_.layout.attention_data; }
  [[nodiscard]] StepBreakdown explain(const BatchShape& shape) const override;
  // Columns in the order of Coefficient; coefficients that no step depends on (front end) give 0.
  [[nodiscard]] std::size_t coefficient_count() const override { return kCoefficientCount; }
  void gradient(const BatchShape& shape, std::span<double> row) const override;

  void set_values(const CoefficientValues& values);
  // A factor on whole steps, host included; none at construction.
  void set_residual(const StepResidual& residual);
  [[nodiscard]] const CoefficientValues& values() const { return values_; }

 private:
  // Seconds at scale 1 of what depends on the number of tokens; the `_t` ones are weighted with
  // T / (T + 512).
  struct TokenTerms {
    std::array<double, kKernelGroups> gemm{}, gemm_t{};
    double moe = 0, allreduce = 0, elementwise = 0;
  };
  // All of a shape at scale 1, with the tokens and sequences of one rank.
  struct Terms {
    TokenTerms token;
    double head = 0, decode = 0, prefill = 0;
  };
  struct Host {
    double per_step = 0, per_seq = 0, per_prefill_token = 0;  // seconds
    double graph_prefill = 0, eager = 0;                      // per step
    double launch_jitter = 0;                                 // share of the two above
    double results_share = 0;                                 // of per_step and per_seq
  };

  [[nodiscard]] TokenTerms token_terms(double tokens) const;  // exact, by the equations
  [[nodiscard]] double stage_hops(double tokens) const;
  [[nodiscard]] Terms terms_of(const BatchShape& shape) const noexcept;
  // Of the batches that a step is spread over (StepContext::pipeline_batches) the one that takes
  // longest: its passage through all stages is the step.
  [[nodiscard]] BatchShape largest_batch(const BatchShape& step) const noexcept;
  [[nodiscard]] std::int64_t rank_share(std::int64_t count) const noexcept;
  [[nodiscard]] double decode_attention(const BatchShape& shape) const noexcept;
  [[nodiscard]] double prefill_attention(const BatchShape& shape) const noexcept;
  [[nodiscard]] double gpu_seconds(const BatchShape& shape) const noexcept;
  [[nodiscard]] double host_seconds(const BatchShape& shape) const noexcept;
  [[nodiscard]] StepTimes bare_times(const BatchShape& shape) const noexcept;
  [[nodiscard]] double host_batch_seconds(const BatchShape& shape) const noexcept;
  [[nodiscard]] double host_launch_seconds(const BatchShape& shape) const noexcept;
  void tabulate();                                  // terms
  void combine();                                   // terms and coefficients
  [[nodiscard]] double value(Coefficient c) const;  // in SI units
  [[nodiscard]] double group_factor(std::size_t group) const;

  StepContext context_;
  CoefficientValues values_;
  StepOps ops_;
  TokenGrid grid_;
  std::vector<TokenTerms> token_table_;  // by node of the grid
  std::vector<double> head_table_;
  std::vector<double> token_seconds_;  // combined with the coefficients
  std::vector<double> head_seconds_;
  double decode_scale_ = 1, prefill_scale_ = 1;
  double gpu_per_step_ = 0, gpu_per_seq_ = 0, gpu_per_prefill_token_ = 0, gpu_per_prefill_step_ = 0;
  Host host_;
  StepResidual residual_;
  bool has_residual_ = false;
};

}  // namespace eph::models
