#pragma once
// What steps that only decode cost, one after another.
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "models/batch_shape.h"

namespace eph::models {

// Nanoseconds.
struct RoundedStep {
  std::int64_t gpu = 0, lead = 0, results = 0;
};

// Steps side by side, nanoseconds. Filled in fours: what lies behind the last one asked for is of
// no use.
struct StepBlock {
  static constexpr std::size_t kMost = 64;
  alignas(32) std::array<std::int64_t, kMost> gpu, lead, results;
  alignas(32) std::array<double, kMost + 4> factor;
  alignas(32) std::array<double, kMost> off;  // the farthest that one of the three was rounded
};

// A stretch: a step that only decodes, then the same with decode_seqs more decode_context_tokens
// from each to the next. The GPU's time of step j is (gpu + slope j) ratio^j, that of the host
// before and behind it lead ratio^j and results ratio^j, for as many steps as one formula holds.
// None of them launches anything.
struct Stretch {
  BatchShape shape;                                  // of the next step
  double gpu = 0, slope = 0, lead = 0, results = 0;  // ns
  double ratio = 1;
  std::int64_t left = 0;  // steps that the formula holds for; 0: each step is to be asked for

  // The times of the next step, rounded as Duration does, and on to the one behind it. False if the
  // formula does not hold for it, or rounding is too close a call: then the model's times() decide.
  bool next(RoundedStep& step) noexcept {
    shape.decode_context_tokens += shape.decode_seqs;
    if (left == 0) return false;
    --left;
    const double g = gpu * factor_, l = lead * factor_, r = results * factor_;
    const double whole_g = (g + kWhole) - kWhole, whole_l = (l + kWhole) - kWhole,
                 whole_r = (r + kWhole) - kWhole;
    step = {static_cast<std::int64_t>(whole_g), static_cast<std::int64_t>(whole_l),
            static_cast<std::int64_t>(whole_r)};
    gpu += slope;
    factor_ *= ratio;
    return std::abs(g - whole_g) < kSure && std::abs(l - whole_l) < kSure &&
           std::abs(r - whole_r) < kSure;
  }
  // The times of at most `most` next steps, without going on: how many come before one that next
  // would not be sure of. Requires most <= StepBlock::kMost.
  [[nodiscard]] std::size_t look(StepBlock& block, std::size_t most) const noexcept;
  // On by `steps` of the steps that look just said.
  void skip(const StepBlock& block, std::size_t steps) noexcept {
    const auto n = static_cast<std::int64_t>(steps);
    shape.decode_context_tokens += n * shape.decode_seqs;
    left -= n;
    gpu += slope * static_cast<double>(n);
    factor_ = block.factor[steps];
  }
  // About what the next step takes on the GPU.
  [[nodiscard]] double step_ns() const noexcept { return gpu * factor_; }
  // What the next `steps`, at most `left`, take on the GPU at least, rounding included.
  [[nodiscard]] double floor(std::int64_t steps) const noexcept {
    const auto n = static_cast<double>(steps);
    const double last = ratio < 1 ? std::pow(ratio, n) : 1;  // the least factor is at an end
    const double even = n * gpu + slope * 0.5 * n * (n - 1);
    return even * factor_ * last * (1 - 1e-12) - n;
  }

 private:
  static constexpr double kSure = 0.5 - 1e-4;           // ns from the nearest whole one
  static constexpr double kWhole = 6755399441055744.0;  // 2^52 + 2^51: adding it rounds

  double factor_ = 1;
};

}  // namespace eph::models
