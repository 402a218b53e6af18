#pragma once
// What the equations of a step leave unexplained on measured deployments: a smooth factor on step
// times.
#include <array>
#include <cstdint>

#include "models/batch_shape.h"

namespace eph::models {

// Logarithms of factors at powers of two: of decode steps by decoding sequences (2^0 .. 2^9) and
// their mean context (2^7 .. 2^14 tokens), of prompt work by prompt tokens in the step (2^6 ..
// 2^14). Between knots linear in the count itself, beyond the last ones constant. Steps with both
// kinds of work mix the two by their share of tokens. docs/MODEL.md "Residual".
struct StepResidual {
  static constexpr int kFirstSeqs = 0, kFirstContext = 7, kFirstPrompt = 6;
  static constexpr std::size_t kSeqKnots = 10, kContextKnots = 8, kPromptKnots = 9;

  std::array<double, kSeqKnots * kContextKnots> decode{};  // row by sequences
  std::array<double, kPromptKnots> prefill{};

  [[nodiscard]] bool is_zero() const;
  // Of a shape with at least one token.
  [[nodiscard]] double log_factor(const BatchShape& shape) const noexcept;
  // The least of a shape of decodes alone and of `steps` more, each with one token more in every
  // context.
  [[nodiscard]] double least_log_factor(const BatchShape& shape, std::int64_t steps) const noexcept;
  // Of decodes: what log_factor grows by with each token more in every context, and for how many it
  // does so.
  struct Slope {
    double per_step = 0;
    std::int64_t steps = 0;
  };
  [[nodiscard]] Slope decode_slope(double seqs, double mean_context) const noexcept;
  [[nodiscard]] double decode_at(double seqs, double mean_context) const noexcept;
  [[nodiscard]] double prefill_at(double tokens) const noexcept;
  friend bool operator==(const StepResidual&, const StepResidual&) = default;
};

}  // namespace eph::models
