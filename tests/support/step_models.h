#pragma once
// Step models whose times a test can work out by hand.
#include "models/step_model.h"

namespace eph::test {

// Every step takes the same time.
class ConstantStepModel final : public models::StepModel {
 public:
  explicit ConstantStepModel(double seconds) : seconds_(seconds) {}
  [[nodiscard]] double seconds(const models::BatchShape&) const noexcept override {
    return seconds_;
  }
  [[nodiscard]] models::StepBreakdown explain(const models::BatchShape&) const override {
    models::StepBreakdown parts;
    parts.total = seconds_;
    return parts;
  }

 private:
  double seconds_;
};

// base + per_prefill_token * P + per_decode_seq * (D + drafts) + per_context_token * K, seconds.
class LinearStepModel final : public models::StepModel {
 public:
  LinearStepModel(double base, double per_prefill_token, double per_decode_seq,
                  double per_context_token = 0)
      : base_(base),
        per_prefill_token_(per_prefill_token),
        per_decode_seq_(per_decode_seq),
        per_context_token_(per_context_token) {}
  [[nodiscard]] double seconds(const models::BatchShape& shape) const noexcept override {
    return base_ + per_prefill_token_ * static_cast<double>(shape.prefill_tokens) +
           per_decode_seq_ * (shape.decode_seqs + shape.draft_tokens) +
           per_context_token_ * static_cast<double>(shape.decode_context_tokens);
  }
  [[nodiscard]] models::StepBreakdown explain(const models::BatchShape& shape) const override {
    models::StepBreakdown parts;
    parts.total = seconds(shape);
    return parts;
  }

 private:
  double base_, per_prefill_token_, per_decode_seq_, per_context_token_;
};

}  // namespace eph::test
