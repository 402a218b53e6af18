// Dynamo's cost, in blocks of 16 tokens:
// scale * max(active prefill + prompt - weight * cached, 0) + active decode + prompt.
#include "sim/routers/dynamo_kv.h"
#include <catch2/catch.hpp>
#include "tests/unit/routers/router_bench.h"

using namespace eph;
using namespace eph::test;

namespace {

struct Bench {
  sim::DynamoKvRouter router;
  Members at;

  explicit Bench(std::uint32_t count, sim::DynamoKvOptions options = {}, Duration staleness = {})
      : router(options, staleness), at(count) {}
  std::uint32_t pick(std::int32_t tokens, const sim::Content& content, SimTime now = {}) {
    return router.pick(prompt(999, tokens, content), at.board, now);
  }
  void send(std::uint64_t id, std::int32_t tokens, const sim::Content& content, std::uint32_t place,
            SimTime now = {}) {
    router.on_sent(prompt(id, tokens, content), place, now);
  }
  void first_token(std::uint64_t id, std::uint32_t place, SimTime now = {}) {
    router.on_first_token(prompt(id, 0, none), place, now);
  }
  void end(std::uint64_t id, std::uint32_t place, SimTime now = {}) {
    router.on_ended(prompt(id, 0, none), place, now);
  }
  sim::Content none;
};

}  // namespace

TEST_CASE("The lowest cost wins, the lowest place of equals", "[routers][dynamo]") {
  Bench b(2);
  const sim::Content talk = conversation(1);
  CHECK(b.pick(64, talk) == 0);
  b.send(0, 64, talk, 0);  // 4 blocks
  // 96 tokens: place 0 costs (4 + 6 - 4) + 4 + 6 = 16, place 1 costs 6 + 6 = 12.
  CHECK(b.pick(96, talk) == 1);
  b.first_token(0, 0);
  CHECK(b.pick(96, talk) == 0);             // (6 - 4) + 4 + 6 = 12: equal
  CHECK(b.pick(95, talk) == 0);             // 6 blocks too, the last one not full
  CHECK(b.pick(80, conversation(2)) == 1);  // 5 + 4 + 5 against 5 + 5
  b.end(0, 0);
  CHECK(b.pick(96, talk) == 0);  // (6 - 4) + 6 = 8 against 12
}

TEST_CASE(
    "A request counts as prefill without what is cached until its first token, and as decode "
    "until its end",
    "[routers][dynamo]") {
  Bench b(1);
  const sim::Content talk = conversation(1);
  b.send(0, 64, talk, 0);
  b.send(1, 100, talk, 0);  // 7 blocks, 4 of them cached
  CHECK(b.router.load(0).prefill == 4 + 3);
  CHECK(b.router.load(0).decode == 4 + 7);
  b.first_token(1, 0);
  CHECK(b.router.load(0).prefill == 4);
  CHECK(b.router.load(0).decode == 11);
  b.end(1, 0);
  CHECK(b.router.load(0).prefill == 4);
  CHECK(b.router.load(0).decode == 4);
  b.end(0, 0);  // without a first token
  CHECK(b.router.load(0).prefill == 0);
  CHECK(b.router.load(0).decode == 0);
}

TEST_CASE("Overlap weight and prefill scale weigh what they say", "[routers][dynamo]") {
  const sim::Content talk = conversation(1);
  const auto pick = [&](sim::DynamoKvOptions options) {
    Bench b(2, options);
    b.send(0, 64, talk, 0);
    b.first_token(0, 0);
    return b.pick(112, talk);  // 7 blocks, 4 cached at place 0, which has 4 of decode
  };
  CHECK(pick({}) == 0);                           // 3 + 11 = 14 and 7 + 7 = 14
  CHECK(pick({.overlap_weight = 0.9}) == 1);      // 3.4 + 11 and 14
  CHECK(pick({.overlap_weight = 0}) == 1);        // 18 and 14
  CHECK(pick({.prefill_load_scale = 0.9}) == 1);  // 2.7 + 11 = 13.7 and 6.3 + 7 = 13.3
  CHECK(pick({.prefill_load_scale = 2}) == 0);    // 6 + 11 and 14 + 7
}

TEST_CASE("Credit makes prefill free, not negative", "[routers][dynamo]") {
  Bench b(2, {.overlap_weight = 100});
  const sim::Content talk = conversation(1);
  b.send(0, 32, talk, 0);
  b.first_token(0, 0);
  b.send(1, 1600, conversation(2), 0);
  // Place 0: max(100 + 20 - 200, 0) + 102 + 20 = 122; place 1: 20 + 20.
  CHECK(b.pick(320, talk) == 1);
}

TEST_CASE("A predicted block is forgotten after its time, counted from the last use",
          "[routers][dynamo]") {
  Bench b(2);
  const sim::Content talk = conversation(1);
  b.send(0, 64, talk, 1, at_ms(0));
  b.end(0, 1, at_ms(10));
  CHECK(b.pick(64, talk, at_ms(119'999)) == 1);
  CHECK(b.pick(64, talk, at_ms(120'000)) == 0);
  b.send(1, 64, talk, 1, at_ms(100'000));
  b.end(1, 1, at_ms(100'010));
  CHECK(b.pick(64, talk, at_ms(219'999)) == 1);
  CHECK(b.pick(64, talk, at_ms(220'000)) == 0);
  Bench brief(2, {.ttl = Duration::from_seconds(1)});
  brief.send(0, 64, talk, 1, at_ms(0));
  brief.end(0, 1, at_ms(10));
  CHECK(brief.pick(64, talk, at_ms(1000)) == 0);
  // Expired blocks leave the tree when something is sent there.
  brief.send(1, 16, conversation(2), 1, at_ms(2000));
  CHECK(brief.router.cached().size(1) == 1);
}

TEST_CASE("A tree above its size is pruned to a share of it, every place alike",
          "[routers][dynamo]") {
  Bench b(2, {.max_tree_size = 100, .prune_target_ratio = 0.8});
  b.send(0, 60 * 16, conversation(1), 0);
  b.send(1, 40 * 16, conversation(2), 1);
  CHECK(b.router.cached().size() == 100);
  b.send(2, 20 * 16, conversation(3), 1);  // 120: 60 and 60 shrink to 40 and 40
  CHECK(b.router.cached().size(0) == 40);
  CHECK(b.router.cached().size(1) == 40);
  CHECK(b.router.cached().matched(conversation(3), 20, 1) == 20);
  CHECK(b.router.cached().matched(conversation(2), 40, 1) == 20);
}

TEST_CASE("A larger block counts fewer of them", "[routers][dynamo]") {
  Bench b(1, {.block_tokens = 64});
  b.send(0, 65, conversation(1), 0);
  CHECK(b.router.load(0).decode == 2);
  CHECK(b.router.cached().size(0) == 1);
}

TEST_CASE("Costs are those of the last look", "[routers][dynamo]") {
  Bench b(2, {}, Duration::from_seconds(1));
  b.send(0, 64, unshared(0), 0, at_ms(100));
  CHECK(b.pick(64, unshared(1), at_ms(200)) == 0);
  CHECK(b.pick(64, unshared(1), at_ms(999)) == 0);
  CHECK(b.pick(64, unshared(1), at_ms(1000)) == 1);
  b.end(0, 0, at_ms(1999));
  b.send(1, 64, unshared(1), 0, at_ms(2000));  // at 2 s, before this, the place was empty
  CHECK(b.pick(64, unshared(2), at_ms(2500)) == 0);
  CHECK(b.pick(64, unshared(2), at_ms(3000)) == 1);
}

TEST_CASE("A place that was removed comes back empty, whatever its former requests do",
          "[routers][dynamo]") {
  Bench b(2);
  const sim::Content talk = conversation(1);
  b.send(0, 64, talk, 0);
  b.send(1, 64, talk, 0);
  b.router.on_removed(0);
  CHECK(b.router.load(0).decode == 0);
  CHECK(b.router.cached().size(0) == 0);
  b.send(2, 32, talk, 0);
  b.first_token(0, 0);
  b.end(0, 0);
  b.end(1, 0);
  CHECK(b.router.load(0).prefill == 2);
  CHECK(b.router.load(0).decode == 2);
}
