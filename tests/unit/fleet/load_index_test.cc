#include "sim/fleet/load_index.h"

#include <catch2/catch.hpp>
#include <map>

#include "core/rng.h"

using namespace eph;

TEST_CASE("The least loaded place wins, the lowest of equals", "[fleet]") {
  sim::LoadIndex index;
  CHECK(index.least() == sim::LoadIndex::kNone);
  index.set(5, 3);
  index.set(2, 3);
  index.set(9, 7);
  CHECK(index.least() == 2);
  index.set(9, 1);
  CHECK(index.least() == 9);
  index.remove(9);
  index.remove(2);
  CHECK(index.least() == 5);
  CHECK(index.least_load() == 3);
  index.remove(5);
  CHECK(index.empty());
}

TEST_CASE("A load index agrees with a scan over random changes", "[fleet]") {
  sim::LoadIndex index;
  std::map<std::uint32_t, std::uint64_t> loads;
  Stream draws({7, 0, Purpose::test, 0});
  for (int i = 0; i < 20000; ++i) {
    const auto place = static_cast<std::uint32_t>(draws.below(300));
    if (draws.below(4) == 0) {
      index.remove(place);
      loads.erase(place);
    } else {
      loads[place] = draws.below(20);
      index.set(place, loads[place]);
    }
    std::uint32_t least = sim::LoadIndex::kNone;
    for (const auto& [at, load] : loads)
      if (least == sim::LoadIndex::kNone || load < loads[least]) least = at;
    REQUIRE(index.least() == least);
  }
}
