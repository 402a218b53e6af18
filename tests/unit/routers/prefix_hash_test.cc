#include <set>

#include <catch2/catch.hpp>
#include "sim/routers/ring_routers.h"
#include "tests/unit/routers/router_bench.h"

using namespace eph;
using namespace eph::test;

namespace {

struct Bench {
  sim::PrefixHashRouter router;
  Members at;
  std::uint64_t next = 0;

  explicit Bench(std::uint32_t count, std::int32_t prefix_tokens = 256, double bound = 1.25)
      : router({prefix_tokens}, bound), at(count) {
    router.on_members_changed(at.board);
  }
  std::uint32_t pick(const sim::Content& content, std::int32_t tokens) {
    return router.pick(prompt(next++, tokens, content), at.board, {});
  }
};

}  // namespace

TEST_CASE("Prompts that begin alike go to one place, others are spread", "[routers][prefix-hash]") {
  Bench b(8);
  std::set<std::uint32_t> used;
  for (std::uint64_t group = 0; group < 100; ++group) {
    const std::uint32_t place = b.pick(group_content(group, 300, 1), 500);
    used.insert(place);
    CHECK(b.pick(group_content(group, 300, 2), 900) == place);
  }
  CHECK(used.size() == 8);
}

TEST_CASE("Only the first tokens decide", "[routers][prefix-hash]") {
  // Of 1,000 prompts whose 256th token is their own, about 1/16 go where the group's goes.
  const auto together = [](std::int32_t shared, std::int32_t prefix_tokens) {
    Bench b(16, prefix_tokens);
    const std::uint32_t place = b.pick(group_content(1, shared, 0), 500);
    int n = 0;
    for (std::uint64_t i = 1; i <= 1000; ++i)
      n += b.pick(group_content(1, shared, i), 500) == place ? 1 : 0;
    return n;
  };
  CHECK(together(256, 256) == 1000);
  CHECK(together(255, 256) < 200);
  CHECK(together(255, 128) == 1000);
}

TEST_CASE("A place with more than its share passes prompts on", "[routers][prefix-hash]") {
  Bench b(2);
  const sim::Content c = group_content(1, 300, 1);
  const std::uint32_t home = b.pick(c, 500);
  // Mean load with the new request is (7 + 1) / 2 = 4: 1.25 times as much is 5.
  b.at.requests({home == 0 ? 4 : 3, home == 0 ? 3 : 4});
  CHECK(b.pick(c, 500) == home);
  b.at.requests({home == 0 ? 5 : 2, home == 0 ? 2 : 5});
  CHECK(b.pick(c, 500) == 1 - home);
  Bench loose(2, 256, 2);
  loose.at.requests({home == 0 ? 5 : 2, home == 0 ? 2 : 5});
  CHECK(loose.pick(c, 500) == home);
}
