#include "models/step_residual.h"

#include <algorithm>
#include <bit>

namespace eph::models {
namespace {

struct Place {
  std::size_t knot = 0;
  double share = 0;
};

// Between which knots 2^(first + i) a count lies, without a logarithm.
Place place(double count, int first, std::size_t knots) noexcept {
  const auto n = static_cast<std::uint64_t>(std::max(count, 1.0));
  const int octave = static_cast<int>(std::bit_width(n)) - 1 - first;
  if (octave < 0) return {0, 0};
  const auto knot = static_cast<std::size_t>(octave);
  if (knot + 1 >= knots) return {knots - 1, 0};
  const auto low = static_cast<double>(std::uint64_t{1} << (octave + first));
  return {knot, std::min(1.0, (count - low) / low)};
}

double between(double low, double high, double share) noexcept {
  return low + share * (high - low);
}

}  // namespace

bool StepResidual::is_zero() const {
  const auto zero = [](double x) { return x == 0; };
  return std::all_of(decode.begin(), decode.end(), zero) &&
         std::all_of(prefill.begin(), prefill.end(), zero);
}

double StepResidual::decode_at(double seqs, double mean_context) const noexcept {
  const Place s = place(seqs, kFirstSeqs, kSeqKnots),
              c = place(mean_context, kFirstContext, kContextKnots);
  const std::size_t next_seq = s.share > 0 ? kContextKnots : 0, next_context = c.share > 0 ? 1 : 0;
  const double* low = decode.data() + s.knot * kContextKnots + c.knot;
  const double* high = low + next_seq;
  return between(between(low[0], low[next_context], c.share),
                 between(high[0], high[next_context], c.share), s.share);
}

double StepResidual::prefill_at(double tokens) const noexcept {
  const Place p = place(tokens, kFirstPrompt, kPromptKnots);
  return between(prefill[p.knot], prefill[p.knot + (p.share > 0 ? 1 : 0)], p.share);
}

double StepResidual::log_factor(const BatchShape& shape) const noexcept {
  const auto prompt = static_cast<double>(shape.prefill_tokens),
             seqs = static_cast<double>(shape.decode_seqs);
  const double tokens = prompt + seqs;
  double sum = 0;
  if (seqs > 0)
    sum += seqs * decode_at(seqs, static_cast<double>(shape.decode_context_tokens) / seqs);
  if (prompt > 0) sum += prompt * prefill_at(prompt);
  return sum / tokens;
}

StepResidual::Slope StepResidual::decode_slope(double seqs, double mean_context) const noexcept {
  constexpr auto kForEver = std::int64_t{1} << 40;
  const Place s = place(seqs, kFirstSeqs, kSeqKnots),
              c = place(mean_context, kFirstContext, kContextKnots);
  const auto first = static_cast<double>(std::uint64_t{1} << kFirstContext);
  if (mean_context < first) return {0, static_cast<std::int64_t>(first - mean_context)};
  if (c.knot + 1 >= kContextKnots) return {0, kForEver};
  const double from = first * static_cast<double>(std::uint64_t{1} << c.knot);
  const double* low = decode.data() + s.knot * kContextKnots + c.knot;
  const double* high = low + (s.share > 0 ? kContextKnots : 0);
  return {between(low[1] - low[0], high[1] - high[0], s.share) / from,
          static_cast<std::int64_t>(2 * from - mean_context)};
}

double StepResidual::least_log_factor(const BatchShape& shape, std::int64_t steps) const noexcept {
  const auto seqs = static_cast<double>(shape.decode_seqs);
  const double from = static_cast<double>(shape.decode_context_tokens) / seqs;
  const double to = from + static_cast<double>(steps);
  double least = std::min(decode_at(seqs, from), decode_at(seqs, to));
  for (std::size_t knot = 0; knot < kContextKnots; ++knot) {
    const auto context = static_cast<double>(std::uint64_t{1} << (knot + kFirstContext));
    if (from < context && context < to) least = std::min(least, decode_at(seqs, context));
  }
  return least;
}

}  // namespace eph::models
