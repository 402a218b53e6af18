#include "core/rng.h"

#include <catch2/catch.hpp>
#include <set>

#include "core/assert.h"

using eph::Purpose;
using eph::Stream;
using eph::StreamKey;

namespace {

using Block = std::array<std::uint32_t, 4>;

}  // namespace

TEST_CASE("Philox4x32-10 gives the known answers of Random123") {
  // kat_vectors of the Random123 distribution (Salmon et al., SC'11).
  CHECK(eph::philox4x32({0, 0, 0, 0}, {0, 0}) ==
        Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t kOnes = 0xffffffff;
  CHECK(eph::philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}) ==
        Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(
      eph::philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
      Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("pinned words: the numbers of a key never change") {
  // Computed apart from this code: key = chain of SplitMix64 over seed, run, purpose; counter =
  // (block number, entity).
  Stream plain({.seed = 1, .run = 0, .purpose = Purpose::test, .entity = 0});
  CHECK(plain.next() == 0x49c866b8e999e923ULL);
  CHECK(plain.next() == 0x8265f8a30f423151ULL);
  CHECK(plain.next() == 0x392424a39a65531bULL);
  CHECK(plain.next() == 0x33537d9fec8d6c52ULL);
  Stream full({.seed = 42, .run = 3, .purpose = Purpose::arrivals, .entity = (5ULL << 32) + 7});
  CHECK(full.next() == 0x63fde3bf0db39d4aULL);
  CHECK(full.next() == 0x79744d047dd1cc0cULL);
  CHECK(full.next() == 0xf2d015b3533b9cd7ULL);
}

TEST_CASE("unit numbers take the upper 53 bits") {
  Stream stream({.seed = 1});
  CHECK(stream.unit() == 0.2882141305395646);
  CHECK(stream.unit() == 0.5093684576124893);
}

TEST_CASE("streams that differ in any part of the key differ in their numbers") {
  const std::vector<StreamKey> keys = {{},
                                       {.seed = 1},
                                       {.run = 1},
                                       {.purpose = Purpose::arrivals},
                                       {.entity = 1},
                                       {.entity = 1ULL << 32},
                                       {.seed = 1ULL << 32},
                                       {.seed = 1, .run = 1}};
  std::set<std::uint64_t> first_words;
  for (const StreamKey& key : keys) first_words.insert(Stream(key).next());
  CHECK(first_words.size() == keys.size());
}

TEST_CASE("a copied stream goes on alike and drawing from one stream shifts no other") {
  Stream original({.seed = 9});
  (void)original.next();
  Stream copy = original;
  Stream other({.seed = 9, .entity = 1});
  const std::uint64_t untouched = Stream({.seed = 9, .entity = 1}).next();
  for (int i = 0; i < 10; ++i) CHECK(original.next() == copy.next());
  CHECK(other.next() == untouched);
}

TEST_CASE("unit numbers stay in their intervals and are even") {
  Stream stream({.seed = 3});
  constexpr int kDraws = 100000;
  std::array<int, 10> cells{};
  for (int i = 0; i < kDraws; ++i) {
    const double u = stream.unit();
    REQUIRE(u >= 0);
    REQUIRE(u < 1);
    const double open = stream.unit_open();
    REQUIRE(open > 0);
    REQUIRE(open < 1);
    ++cells[static_cast<std::size_t>(u * 10)];
  }
  // Chi-square with 9 degrees of freedom: 27.9 is exceeded with probability 0.001.
  double chi_square = 0;
  for (int count : cells) chi_square += (count - 10000.0) * (count - 10000.0) / 10000.0;
  CHECK(chi_square < 27.9);
}

TEST_CASE("below is even and stays below") {
  Stream pinned({.seed = 1});
  for (std::uint64_t expected : {2, 5, 2, 2, 2, 7, 2, 4, 6, 4}) CHECK(pinned.below(10) == expected);
  Stream stream({.seed = 4});
  std::array<int, 3> counts{};
  for (int i = 0; i < 30000; ++i) ++counts[stream.below(3)];
  // Chi-square with 2 degrees of freedom: 13.8 is exceeded with probability 0.001.
  double chi_square = 0;
  for (int count : counts) chi_square += (count - 10000.0) * (count - 10000.0) / 10000.0;
  CHECK(chi_square < 13.8);
  CHECK(stream.below(1) == 0);
  CHECK_THROWS_AS(stream.below(0), eph::InternalError);
}

TEST_CASE("below is unbiased where a plain modulo is not") {
  // n = 3 * 2^62: a modulo would give values under 2^62 twice as often (1/2 instead of 1/3).
  const std::uint64_t n = 3ULL << 62;
  Stream stream({.seed = 5});
  int low = 0;
  for (int i = 0; i < 30000; ++i) low += stream.below(n) < (1ULL << 62) ? 1 : 0;
  CHECK(low > 9600);  // 10000 expected, standard deviation 82
  CHECK(low < 10400);
}

TEST_CASE("neighbouring seeds and entities are not correlated") {
  const auto correlation = [](StreamKey first, StreamKey second) {
    Stream a(first);
    Stream b(second);
    double sum = 0;
    for (int i = 0; i < 10000; ++i) sum += (a.unit() - 0.5) * (b.unit() - 0.5);
    return 12 * sum / 10000;
  };
  // Standard deviation 0.01 for independent streams.
  CHECK(std::abs(correlation({.seed = 1}, {.seed = 2})) < 0.04);
  CHECK(std::abs(correlation({.entity = 1}, {.entity = 2})) < 0.04);
  CHECK(std::abs(correlation({.run = 1}, {.run = 2})) < 0.04);
}
