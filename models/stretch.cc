#include "models/stretch.h"

#include <algorithm>
#include <bit>

#include "core/vector_clones.h"

namespace eph::models {
namespace {

struct Line {
  double gpu, slope, lead, results, whole;
};

// Every element by itself, `n` a multiple of four.
EPH_VECTOR_CLONES
void round_all(StepBlock& block, const Line& line, std::size_t n) noexcept {
  const double gpu = line.gpu, slope = line.slope, lead = line.lead, results = line.results,
               whole = line.whole;
  const auto zero = std::bit_cast<std::int64_t>(whole);
  const double* const factor = block.factor.data();
  std::int64_t* const gpu_out = block.gpu.data();
  std::int64_t* const lead_out = block.lead.data();
  std::int64_t* const results_out = block.results.data();
  double* const off_out = block.off.data();
  for (std::size_t i = 0; i < n; ++i) {
    const double f = factor[i];
    const double g = (gpu + slope * static_cast<double>(static_cast<int>(i))) * f, l = lead * f,
                 r = results * f;
    const double wg = g + whole, wl = l + whole, wr = r + whole;
    gpu_out[i] = std::bit_cast<std::int64_t>(wg) - zero;
    lead_out[i] = std::bit_cast<std::int64_t>(wl) - zero;
    results_out[i] = std::bit_cast<std::int64_t>(wr) - zero;
    const double off_g = std::abs(g - (wg - whole)), off_l = std::abs(l - (wl - whole)),
                 off_r = std::abs(r - (wr - whole));
    const double off = off_g > off_l ? off_g : off_l;
    off_out[i] = off > off_r ? off : off_r;
  }
}

}  // namespace

std::size_t Stretch::look(StepBlock& block, std::size_t most) const noexcept {
  most = std::min(most, static_cast<std::size_t>(left));
  const std::size_t filled = (most + 3) / 4 * 4;
  double* const f = block.factor.data();
  f[0] = factor_;
  for (std::size_t i = 1; i < 4; ++i) f[i] = f[i - 1] * ratio;
  const double square = ratio * ratio, fourth = square * square;
  for (std::size_t i = 4; i <= filled; ++i) f[i] = f[i - 4] * fourth;
  round_all(block, {gpu, slope, lead, results, kWhole}, filled);
  std::size_t sure = 0;
  while (sure < most && block.off[sure] < kSure) ++sure;
  return sure;
}

}  // namespace eph::models
