#include "core/rng.h"

#include "core/assert.h"

namespace eph {

namespace {

__extension__ typedef unsigned __int128 Wide;

// Multipliers and Weyl increments of Philox4x32 (Salmon et al., SC'11, section 4.3 and table 2).
constexpr std::uint32_t kMultiplier0 = 0xD2511F53U;
constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57U;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9U;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85U;
constexpr int kRounds = 10;

constexpr std::uint32_t low_word(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
constexpr std::uint32_t high_word(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

// Output function of SplitMix64 (Steele, Lea and Flood, OOPSLA'14): a bijection that avalanches.
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t product0 = std::uint64_t{kMultiplier0} * counter[0];
    const std::uint64_t product1 = std::uint64_t{kMultiplier1} * counter[2];
    counter = {high_word(product1) ^ counter[1] ^ key[0], low_word(product1),
               high_word(product0) ^ counter[3] ^ key[1], low_word(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

// Seed, run and purpose are hashed into the 64 key bits; the entity is the counter's upper half, so
// streams that differ in the entity alone can never overlap. The lower half numbers the blocks.
Stream::Stream(StreamKey key) {
  std::uint64_t hash = mix(key.seed);
  hash = mix(hash ^ key.run);
  hash = mix(hash ^ static_cast<std::uint64_t>(key.purpose));
  key_ = {low_word(hash), high_word(hash)};
  counter_ = {0, 0, low_word(key.entity), high_word(key.entity)};
}

std::uint64_t Stream::next() {
  if (used_ == 4) {
    block_ = philox4x32(counter_, key_);
    if (++counter_[0] == 0) ++counter_[1];
    used_ = 0;
  }
  const auto word = static_cast<std::size_t>(used_);
  used_ += 2;
  return block_[word] | (std::uint64_t{block_[word + 1]} << 32);
}

double Stream::unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

// Midpoints of 2^52 equal cells: exact in a double, so neither 0 nor 1 can come out by rounding.
double Stream::unit_open() { return (static_cast<double>(next() >> 12) + 0.5) * 0x1p-52; }

// Lemire, "Fast random integer generation in an interval" (TOMACS 2019): multiply and reject.
std::uint64_t Stream::below(std::uint64_t n) {
  EPH_ASSERT(n > 0, "below({})", n);
  Wide product = static_cast<Wide>(next()) * n;
  if (static_cast<std::uint64_t>(product) < n) {
    const std::uint64_t threshold = (0 - n) % n;
    while (static_cast<std::uint64_t>(product) < threshold) {
      product = static_cast<Wide>(next()) * n;
    }
  }
  return static_cast<std::uint64_t>(product >> 64);
}

}  // namespace eph
