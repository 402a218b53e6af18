#include "core/digest.h"

#include <catch2/catch.hpp>

#include "core/ids.h"

using eph::Digest;

TEST_CASE("equal histories have equal digests and order matters") {
  Digest a;
  Digest b;
  Digest swapped;
  a.add(std::int64_t{1});
  a.add(2.5);
  b.add(std::int64_t{1});
  b.add(2.5);
  swapped.add(2.5);
  swapped.add(std::int64_t{1});
  CHECK(a.value() == b.value());
  CHECK(a.value() != swapped.value());
}

TEST_CASE("a digest notices one more zero, one flipped bit and one changed letter") {
  Digest empty;
  Digest zero;
  zero.add(std::uint64_t{0});
  CHECK(empty.value() != zero.value());
  for (int bit = 0; bit < 64; ++bit) {
    Digest flipped;
    flipped.add(std::uint64_t{1} << bit);
    CHECK(flipped.value() != zero.value());
  }
  Digest ab;
  Digest ac;
  ab.add("ab");
  ac.add("ac");
  CHECK(ab.value() != ac.value());
}

TEST_CASE("identifiers give back their index") {
  CHECK(eph::index(eph::ReplicaId{7}) == 7U);
  CHECK(eph::index(eph::RequestId{1ULL << 40}) == 1ULL << 40);
  CHECK(eph::index(eph::SlotId{3}) == 3U);
}
