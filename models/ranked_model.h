#pragma once
// Steps of data-parallel ranks that are not alike: their experts are common.
#include <memory>

#include "models/fitted_model.h"

namespace eph::models {

// A shape is one rank's, taken as often as there are ranks. Where its padding_tokens are below 0
// the other ranks have less: the experts, and the exchange with them, then see the shape's tokens()
// in all, and everything else the rank's own (MODEL eq. 34).
class RankedStepModel final : public StepModel {
 public:
  RankedStepModel(std::unique_ptr<StepModel> target, const StepContext& context,
                  const CoefficientValues& values);
  [[nodiscard]] double seconds(const BatchShape& shape) const noexcept override;
  [[nodiscard]] StepTimes times(const BatchShape& shape) const noexcept override;
  [[nodiscard]] int ranks() const noexcept override { return target_->ranks(); }
  [[nodiscard]] StepBreakdown explain(const BatchShape& shape) const override;

 private:
  // Of the experts and their exchange, with so many tokens of all ranks.
  [[nodiscard]] double common_seconds(double tokens) const noexcept;
  [[nodiscard]] double saved_seconds(const BatchShape& shape) const noexcept;

  std::unique_ptr<StepModel> target_;
  StepContext context_;
  StepOps ops_;
  double moe_scale_ = 1, allreduce_scale_ = 1;
};

}  // namespace eph::models
