// SGLang's rule. Defaults: more than 64 apart and more than 1.5 times as many is imbalanced; more
// than 0.3 of the prompt is a match.
#include "sim/routers/cache_aware.h"
#include <catch2/catch.hpp>
#include "tests/unit/routers/router_bench.h"

using namespace eph;
using namespace eph::test;

namespace {

struct Bench {
  sim::CacheAwareRouter router;
  Members at;
  std::uint64_t next = 0;

  explicit Bench(std::uint32_t count, sim::CacheAwareOptions options = {})
      : router(options), at(count) {}
  std::uint32_t pick(const sim::Content& content, std::int32_t tokens, SimTime now = {}) {
    at.board.look(now);
    return router.pick(prompt(next, tokens, content), at.board, now);
  }
  std::uint32_t send(const sim::Content& content, std::int32_t tokens, SimTime now = {}) {
    const std::uint32_t place = pick(content, tokens, now);
    router.on_sent(prompt(next++, tokens, content), place, now);
    return place;
  }
};

}  // namespace

TEST_CASE("Prompts without a match go to the smallest tree", "[routers][cache-aware]") {
  Bench b(3);
  CHECK(b.send(unshared(1), 500) == 0);  // all trees are empty: the lowest place
  CHECK(b.send(unshared(2), 200) == 1);
  CHECK(b.send(unshared(3), 300) == 2);
  CHECK(b.send(unshared(4), 50) == 1);   // 500, 200, 300
  CHECK(b.send(unshared(5), 100) == 1);  // 500, 250, 300
  CHECK(b.send(unshared(6), 100) == 2);  // 500, 350, 300
}

TEST_CASE("A match is more than the threshold's share of the prompt", "[routers][cache-aware]") {
  Bench b(2);
  REQUIRE(b.send(group_content(1, 30, 1), 100) == 0);
  CHECK(b.pick(group_content(1, 30, 2), 100) == 1);  // 30 of 100 is not more than 0.3
  CHECK(b.pick(group_content(1, 30, 2), 99) == 0);
  Bench all(2, {.cache_threshold = 0.5});
  REQUIRE(all.send(group_content(1, 30, 1), 100) == 0);
  CHECK(all.pick(group_content(1, 30, 2), 60) == 1);
  CHECK(all.pick(group_content(1, 30, 2), 59) == 0);
}

TEST_CASE("The longest match wins, the lowest place of equals", "[routers][cache-aware]") {
  Bench b(3);
  const sim::Content talk = conversation(1);
  b.router.on_sent(prompt(0, 200, talk), 2, {});
  b.router.on_sent(prompt(1, 100, talk), 0, {});
  CHECK(b.pick(talk, 300) == 2);
  b.router.on_sent(prompt(2, 200, talk), 1, {});
  CHECK(b.pick(talk, 300) == 1);
}

TEST_CASE("Imbalanced is more than 64 apart and more than 1.5 times as many",
          "[routers][cache-aware]") {
  Bench b(2);
  const sim::Content talk = conversation(1);
  REQUIRE(b.send(talk, 100) == 0);
  b.at.requests({74, 10});
  CHECK(b.pick(talk, 110) == 0);  // 64 apart
  b.at.requests({75, 10});
  CHECK(b.pick(talk, 110) == 1);
  b.at.requests({300, 200});
  CHECK(b.pick(talk, 110) == 0);  // 100 apart, 1.5 times as many
  b.at.requests({301, 200});
  CHECK(b.pick(talk, 110) == 1);
  Bench tight(2, {.balance_abs_threshold = 4, .balance_rel_threshold = 2});
  REQUIRE(tight.send(talk, 100) == 0);
  tight.at.requests({10, 5});
  CHECK(tight.pick(talk, 110) == 0);
  tight.at.requests({11, 5});
  CHECK(tight.pick(talk, 110) == 1);
}

TEST_CASE("A prompt that balance sends elsewhere is remembered there", "[routers][cache-aware]") {
  Bench b(2);
  const sim::Content talk = conversation(1);
  REQUIRE(b.send(talk, 100) == 0);
  b.at.requests({100, 0});
  REQUIRE(b.send(talk, 200) == 1);
  b.at.requests({0, 0});
  CHECK(b.pick(talk, 300) == 1);  // 200 of 300 there, 100 of 300 at the first
}

TEST_CASE("Trees shrink to their size at multiples of the interval", "[routers][cache-aware]") {
  // 400 characters are 100 tokens.
  Bench b(1, {.max_tree_size = 400});
  const sim::Content old = conversation(1), young = conversation(2);
  b.send(old, 80, at_ms(0));
  b.send(young, 90, at_ms(1000));
  (void)b.pick(unshared(9), 10, at_ms(119'999));
  CHECK(b.router.tree().size(0) == 170);
  (void)b.pick(unshared(9), 10, at_ms(120'000));
  CHECK(b.router.tree().size(0) == 100);
  CHECK(b.router.tree().matched(young, 90, 0) == 90);
  CHECK(b.router.tree().matched(old, 80, 0) == 10);
  Bench often(1, {.eviction_interval = Duration::from_seconds(1), .max_tree_size = 400});
  often.send(old, 170, at_ms(0));
  (void)often.pick(unshared(9), 10, at_ms(1000));
  CHECK(often.router.tree().size(0) == 100);
}

TEST_CASE("More characters a token make a tree of fewer tokens", "[routers][cache-aware]") {
  Bench b(1, {.max_tree_size = 400, .chars_per_token = 5});
  b.send(conversation(1), 170, at_ms(0));
  (void)b.pick(unshared(9), 10, at_ms(120'000));
  CHECK(b.router.tree().size(0) == 80);
}

TEST_CASE("A place that was removed comes back without a tree", "[routers][cache-aware]") {
  Bench b(2);
  const sim::Content talk = conversation(1);
  REQUIRE(b.send(talk, 100) == 0);
  b.at.board.remove(0);
  b.router.on_members_changed(b.at.board);
  b.router.on_removed(0);
  CHECK(b.pick(talk, 110) == 1);
  b.at.board.add(0);
  b.router.on_members_changed(b.at.board);
  b.router.on_sent(prompt(5, 40, unshared(5)), 1, {});
  CHECK(b.router.tree().size(0) == 0);
  CHECK(b.pick(talk, 110) == 0);  // as the smallest tree
  CHECK(b.send(unshared(6), 100) == 0);
  CHECK(b.pick(talk, 110) == 1);
}

TEST_CASE("Balance is judged by what was seen at the last scrape", "[routers][cache-aware]") {
  sim::CacheAwareRouter router{sim::CacheAwareOptions{}};
  Members at(2, Duration::from_seconds(1));
  const sim::Content talk = conversation(1);
  router.on_sent(prompt(0, 100, talk), 0, at_ms(0));
  at.requests({200, 0}, at_ms(500));
  at.board.look(at_ms(900));
  CHECK(router.pick(prompt(1, 110, talk), at.board, at_ms(900)) == 0);
  at.board.look(at_ms(1000));
  CHECK(router.pick(prompt(1, 110, talk), at.board, at_ms(1000)) == 1);
}
