#pragma once
// Where functions of a token count are tabulated: every count up to a limit, then 64 points an
// octave with linear interpolation between them.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace eph::models {

// Steps replayed as CUDA graphs run at the next captured size: 1, 2, 4, multiples of 8 up to 256,
// multiples of 16 above (vLLM's default sizes). Above `limit` the count itself.
[[nodiscard]] constexpr std::int64_t padded_tokens(std::int64_t tokens, std::int64_t limit) {
  if (tokens > limit || tokens <= 2) return tokens;
  const std::int64_t step = tokens <= 4 ? 4 : tokens <= 256 ? 8 : 16;
  return std::min(limit, (tokens + step - 1) / step * step);
}

// A place between two nodes: value = table[node] + share * (table[node + 1] - table[node]).
struct GridPlace {
  std::size_t node = 0;
  double share = 0;
};

class TokenGrid {
 public:
  static constexpr std::int64_t kExact = 1024;
  static constexpr int kExactBits = 10, kSubBits = 6, kOctaves = 12;  // up to 2^22 tokens

  // Beyond the last node the last slope goes on.
  [[nodiscard]] static GridPlace place(std::int64_t tokens) noexcept {
    if (tokens <= kExact) return {static_cast<std::size_t>(tokens), 0};
    const auto n = static_cast<std::uint64_t>(tokens);
    const int octave = std::min(static_cast<int>(std::bit_width(n)) - 1, kExactBits + kOctaves - 1);
    const int shift = octave - kSubBits;
    const std::uint64_t step = std::min(n >> shift, std::uint64_t{(2U << kSubBits) - 1});
    const double over = static_cast<double>(n - (step << shift));
    const std::size_t first = static_cast<std::size_t>(kExact) +
                              (static_cast<std::size_t>(octave - kExactBits) << kSubBits);
    return {first + static_cast<std::size_t>(step) - (std::size_t{1} << kSubBits),
            over / static_cast<double>(std::uint64_t{1} << shift)};
  }

  [[nodiscard]] static std::vector<std::int64_t> nodes() {
    std::vector<std::int64_t> out;
    for (std::int64_t t = 0; t < kExact; ++t) out.push_back(t);
    for (int octave = kExactBits; octave < kExactBits + kOctaves; ++octave) {
      for (std::int64_t j = 64; j < 128; ++j) out.push_back(j << (octave - kSubBits));
    }
    out.push_back(std::int64_t{1} << (kExactBits + kOctaves));
    return out;
  }

  [[nodiscard]] static double read(const std::vector<double>& table, GridPlace at) noexcept {
    const double low = table[at.node];
    return at.share == 0 ? low : low + at.share * (table[at.node + 1] - low);
  }
};

}  // namespace eph::models
