#pragma once
// What drafting costs when a small model does it: EAGLE's head, or a multi-token-prediction layer.
#include <memory>

#include "models/fitted_model.h"

namespace eph::models {

// How drafts are made: one pass over all tokens of the step, then `passes` - 1 over `width` tokens
// a sequence.
struct Drafting {
  int passes = 1;  // positions of the draft
  int width = 1;   // tokens of a position (SGLang's topk)
};

// The model with its draft layer, as memory holds both.
[[nodiscard]] LlmSpec with_draft_layer(LlmSpec llm);

// A target's steps with the drafts that follow each of them on the GPU (MODEL eq. 32). A pass is
// one layer alike the target's last one, a matrix that joins hidden state and embedding, and the LM
// head; it has the coefficients of the target, but no overheads of a step or a sequence.
class DraftingStepModel final : public StepModel {
 public:
  DraftingStepModel(std::unique_ptr<StepModel> target, const StepContext& context,
                    const CoefficientValues& values, const Drafting& drafting);
  [[nodiscard]] double seconds(const BatchShape& shape) const noexcept override;
  [[nodiscard]] int ranks() const noexcept override { return target_->ranks(); }
  [[nodiscard]] StepTimes times(const BatchShape& shape) const noexcept override;
  [[nodiscard]] StepBreakdown explain(const BatchShape& shape) const override;

 private:
  [[nodiscard]] double draft_seconds(const BatchShape& step) const noexcept;
  [[nodiscard]] double pass_seconds(const BatchShape& shape) const noexcept;

  std::unique_ptr<StepModel> target_;
  FittedStepModel layer_;
  Drafting drafting_;
  GemmConstants gemm_;
  Kernel kernel_;
  GemmSize join_;
  double gemm_scale_ = 1;
  int attention_data_ = 1;
};

}  // namespace eph::models
