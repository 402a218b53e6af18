// llm-d's default scorers: queue 2, KV 2, prefix 3; the highest sum wins.
#include <map>

#include <catch2/catch.hpp>
#include "sim/routers/llm_d.h"
#include "tests/unit/routers/router_bench.h"

using namespace eph;
using namespace eph::test;

namespace {

struct Engines final : sim::EngineProbe {
  std::vector<sim::EngineLevels> at;
  std::vector<bool> dead;
  std::optional<sim::EngineLevels> levels(std::uint32_t place, SimTime) override {
    if (place < dead.size() && dead[place]) return std::nullopt;
    return at[place];
  }
};

struct Bench {
  Engines engines;
  sim::LlmdRouter router;
  Members members;
  std::uint64_t next = 0;

  explicit Bench(std::vector<sim::EngineLevels> levels, sim::LlmdOptions options = {},
                 Duration staleness = {})
      : router(options, kDraws), members(static_cast<std::uint32_t>(levels.size()), staleness) {
    engines.at = std::move(levels);
    members.board.watch(engines);
  }
  std::uint32_t pick(std::int32_t tokens, const sim::Content& content, SimTime now = {}) {
    members.board.look(now);
    return router.pick(prompt(next++, tokens, content), members.board, now);
  }
};

sim::EngineLevels level(std::int64_t waiting, double kv) { return {waiting, 0, kv}; }

}  // namespace

TEST_CASE("Queues count from the shortest to the longest, KV as it is", "[routers][llm-d]") {
  const sim::Content none = unshared(0);
  // 2 * 1 + 2 * 0.1 = 2.2; 2 * 0 + 2 * 1 = 2; 2 * 0.5 + 2 * 0.65 = 2.3.
  CHECK(Bench({level(0, 0.9), level(10, 0), level(5, 0.35)}).pick(64, none) == 2);
  CHECK(Bench({level(0, 0.9), level(10, 0), level(5, 0.45)}).pick(64, none) == 0);
  // All queues equal: all have 1, and KV decides.
  CHECK(Bench({level(7, 0.9), level(7, 0.2), level(7, 0.4)}).pick(64, none) == 1);
  const sim::LlmdOptions queues_only{.kv_cache_utilization_weight = 0};
  CHECK(Bench({level(1, 0), level(0, 1)}, queues_only).pick(64, none) == 1);
  const sim::LlmdOptions kv_only{.queue_weight = 0};
  CHECK(Bench({level(0, 0.5), level(9, 0.4)}, kv_only).pick(64, none) == 1);
}

TEST_CASE("A prefix counts by its share of the prompt's blocks", "[routers][llm-d]") {
  const sim::Content talk = conversation(1);
  const auto pick = [&](std::int32_t tokens, sim::LlmdOptions options = {}) {
    Bench b({level(0, 0.5), level(1, 0.5)}, options);  // 3 and 1 without the prefix
    b.router.on_sent(prompt(100, 64, talk), 1, {});
    return b.pick(tokens, talk);
  };
  CHECK(pick(80) == 1);                               // 4 of 5: 1 + 2.4
  CHECK(pick(112) == 0);                              // 4 of 7: 1 + 1.71
  CHECK(pick(127) == 0);                              // the same: 7 full blocks
  CHECK(pick(112, {.prefix_cache_weight = 4}) == 1);  // 1 + 2.29
  CHECK(pick(15) == 0);                               // no full block
}

TEST_CASE("Of a long prompt the first 256 blocks count", "[routers][llm-d]") {
  const sim::Content talk = conversation(1);
  Bench b({level(0, 0), level(1, 0)});
  b.router.on_sent(prompt(100, 256 * 16, talk), 1, {});
  CHECK(b.pick(1000 * 16, talk) == 1);  // 256 of 256: 2 + 3 against 4
  b.router.on_sent(prompt(101, 1000 * 16, talk), 1, {});
  CHECK(b.router.cached().size(1) == 256);
  Bench few({level(0, 0), level(1, 0)}, {.max_prefix_blocks = 8});
  few.router.on_sent(prompt(100, 256 * 16, talk), 1, {});
  CHECK(few.router.cached().size(1) == 8);
  CHECK(few.pick(9000, talk) == 1);
}

TEST_CASE("Larger blocks make shorter matches", "[routers][llm-d]") {
  const sim::Content talk = conversation(1);
  Bench b({level(0, 0), level(1, 0)}, {.block_tokens = 64});
  b.router.on_sent(prompt(100, 100, talk), 1, {});
  CHECK(b.router.cached().size(1) == 1);
  CHECK(b.pick(128, talk) == 0);  // 1 of 2: 2 + 1.5 against 4
  CHECK(b.pick(127, talk) == 1);  // 1 of 1
}

TEST_CASE("A server forgets the least recently used blocks", "[routers][llm-d]") {
  const sim::Content talk = conversation(1);
  Bench b({level(0, 0)}, {.lru_capacity_per_server = 100});
  b.router.on_sent(prompt(0, 60 * 16, talk), 0, {});
  b.router.on_sent(prompt(1, 80 * 16, conversation(2)), 0, {});
  CHECK(b.router.cached().size(0) == 100);
  CHECK(b.router.cached().matched(talk, 60, 0) == 20);
}

TEST_CASE("Ties fall at random, each its own way for every request", "[routers][llm-d]") {
  Bench b({level(0, 0), level(0, 0), level(3, 0.5), level(0, 0), level(0, 0)});
  std::map<std::uint32_t, int> times;
  for (int i = 0; i < 4000; ++i) ++times[b.pick(64, unshared(0))];
  CHECK(times.size() == 4);
  CHECK(times.count(2) == 0);
  // Binomial, 1000 expected, standard deviation 27: 5 of them on each side.
  for (const auto& [place, n] : times) CHECK(std::abs(n - 1000) < 137);
}

TEST_CASE("Levels are those of the last scrape, prefixes those of this moment",
          "[routers][llm-d]") {
  const sim::Content talk = conversation(1);
  Bench b({level(0, 0), level(5, 0)}, {}, Duration{50'000'000});
  CHECK(b.pick(64, talk, at_ms(0)) == 0);
  b.engines.at = {level(9, 0), level(5, 0)};
  CHECK(b.pick(64, talk, at_ms(49)) == 0);
  CHECK(b.pick(64, talk, at_ms(50)) == 1);
  b.engines.at = {level(1, 0), level(5, 0)};
  CHECK(b.pick(64, talk, at_ms(99)) == 1);
  CHECK(b.pick(64, talk, at_ms(100)) == 0);
  b.router.on_sent(prompt(1000, 64, talk), 1, at_ms(101));
  CHECK(b.pick(64, talk, at_ms(101)) == 1);
}

TEST_CASE("A server that does not answer keeps its last levels, a new one has none",
          "[routers][llm-d]") {
  Bench b({level(0, 0.1), level(0, 0.2)});
  CHECK(b.pick(64, unshared(0)) == 0);
  b.engines.dead = {true, false};
  b.engines.at[0] = level(0, 0.9);
  CHECK(b.pick(64, unshared(0)) == 0);
  b.members.board.remove(0);
  CHECK(b.pick(64, unshared(0)) == 1);
  Bench fresh({level(0, 0.1), level(0, 0.9), level(0, 0.2)}, {}, Duration{50'000'000});
  fresh.members.board.remove(1);
  CHECK(fresh.pick(64, unshared(0), at_ms(0)) == 0);
  fresh.members.board.add(1);
  CHECK(fresh.pick(64, unshared(0), at_ms(10)) == 1);  // seen as empty until it is scraped
  CHECK(fresh.pick(64, unshared(0), at_ms(50)) == 0);
}

TEST_CASE("A server that was removed comes back without prefixes", "[routers][llm-d]") {
  const sim::Content talk = conversation(1);
  Bench b({level(0, 0), level(1, 0)});
  b.router.on_sent(prompt(100, 64, talk), 1, {});
  CHECK(b.pick(64, talk) == 1);
  b.router.on_removed(1);
  CHECK(b.pick(64, talk) == 0);
}
