#pragma once
// Step models with work on the launching thread, and with times that depend on single contexts.
#include <cmath>
#include <span>

#include "core/rng.h"
#include "models/step_model.h"

namespace eph::test {

// Times of all kinds drawn once: a GPU that waits for the host or does not, jitter for some
// batches, contexts that cost something, nothing, or less the longer they are.
class HostStepModel final : public models::StepModel {
 public:
  explicit HostStepModel(Stream& stream) {
    const auto up_to = [&stream](double most) { return most * stream.unit(); };
    base_ = 1e-9 + (stream.below(4) == 0 ? 0.0 : up_to(9e-3));
    per_seq_ = up_to(3e-4);
    per_context_ = stream.below(4) == 0 ? 0.0 : up_to(stream.below(2) == 0 ? 1e-9 : 1e-6);
    bend_ = stream.below(2) == 0 ? 0.0 : up_to(0.2);
    lead_ = stream.below(2) == 0 ? 0.0 : up_to(4e-3);
    launch_ = stream.below(2) == 0 ? 0.0 : up_to(12e-3);
    jitter_ = stream.below(2) == 0 ? 0.0 : up_to(1e-3);
    results_ = stream.below(2) == 0 ? 0.0 : up_to(2e-3);
    jitters_from_ = static_cast<std::int32_t>(stream.below(8));
  }
  [[nodiscard]] double seconds(const models::BatchShape& s) const noexcept override {
    const auto context = static_cast<double>(s.decode_context_tokens);
    return (base_ + per_seq_ * static_cast<double>(s.tokens()) + per_context_ * context) *
           std::exp(bend_ * std::sin(context / 100));
  }
  [[nodiscard]] models::StepTimes times(const models::BatchShape& s) const noexcept override {
    models::StepTimes t{.gpu = seconds(s), .lead = lead_, .launch = launch_, .results = results_};
    if (s.seqs() >= jitters_from_) t.launch_jitter = jitter_;
    return t;
  }
  [[nodiscard]] double stretch_floor(const models::BatchShape& s,
                                     std::int64_t) const noexcept override {
    return (base_ + per_seq_ * static_cast<double>(s.tokens()) +
            per_context_ * static_cast<double>(s.decode_context_tokens)) *
           std::exp(-bend_);
  }
  [[nodiscard]] models::StepBreakdown explain(const models::BatchShape& s) const override {
    models::StepBreakdown parts;
    parts.total = seconds(s);
    return parts;
  }

 private:
  double base_ = 0, per_seq_ = 0, per_context_ = 0, bend_ = 0, lead_ = 0, launch_ = 0, jitter_ = 0,
         results_ = 0;
  std::int32_t jitters_from_ = 0;
};

// The longest context costs most.
class ContextsStepModel final : public models::StepModel {
 public:
  [[nodiscard]] double seconds(const models::BatchShape& s) const noexcept override {
    return 1e-3 + 1e-5 * static_cast<double>(s.tokens());
  }
  [[nodiscard]] bool needs_contexts() const noexcept override { return true; }
  [[nodiscard]] double seconds_with(
      const models::BatchShape& s, std::span<const std::int32_t> contexts) const noexcept override {
    double sum = 0;
    for (const std::int32_t context : contexts) sum += std::sqrt(static_cast<double>(context));
    return seconds(s) + 1e-5 * sum;
  }
  [[nodiscard]] models::StepBreakdown explain(const models::BatchShape& s) const override {
    models::StepBreakdown parts;
    parts.total = seconds(s);
    return parts;
  }
};

}  // namespace eph::test
