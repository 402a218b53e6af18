// vLLM V1's automatic prefix caching on scripts short enough to work out by hand. Steps take 10 ms,
// KV blocks and the prompts' named blocks hold 4 tokens unless a test says otherwise. The rules:
// full blocks only, of all tokens but the last; blocks can be found from the moment they are
// scheduled; free blocks form a queue, a request's last block ahead of its first, newest releases
// at the end, and are taken from the front.
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

const ConstantStepModel kTenMs(0.010);

Scenario vllm(std::int64_t usable = 1000, std::int32_t named = 4) {
  Scenario s(models::EngineKind::vllm, kTenMs, usable, 4);
  s.engine().prefix_caching = true;
  s.hash_tokens = named;
  return s;
}

}  // namespace

TEST_CASE("vllm prefixes: an equal prompt computes its last block again, a longer one the rest") {
  Scenario s = vllm();
  s.send_named(0, {1, 2, 3}, 12, 1);
  s.send_named(50, {1, 2, 3}, 12, 1);      // 11 tokens may be found: two blocks
  s.send_named(100, {1, 2, 3, 9}, 14, 1);  // 13 may: three
  s.send_named(150, {1, 2, 8}, 12, 1);     // the third block differs
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:12", "50..60 1:4", "100..110 2:2", "150..160 3:4"});
  CHECK(cached(o) == Cached{0, 8, 12, 8});
  CHECK(o.summary.counts.cached_tokens == 28);
  CHECK(o.summary.counts.hit_rate() == Approx(28.0 / 50));
}

TEST_CASE("vllm prefixes: nothing is found when caching is off") {
  Scenario s = vllm();
  s.engine().prefix_caching = false;
  s.send_named(0, {1, 2, 3}, 12, 1);
  s.send_named(50, {1, 2, 3}, 12, 1);
  CHECK(texts(run(s)) == Steps{"0..10 0:12", "50..60 1:12"});
}

TEST_CASE("vllm prefixes: blocks are found from the step on that computes them") {
  Scenario s = vllm();
  s.send_named(0, {1, 2, 3}, 12, 2);
  s.send_named(0, {1, 2, 3}, 12, 2);
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:12 1:4", "10..20 0:1 1:1"});
  // Two shared blocks and one each for tokens 9..12; then one each for token 13.
  CHECK(o.sink.steps[0].record.kv_blocks_used == 4);
  CHECK(o.sink.steps[1].record.kv_blocks_used == 6);
}

TEST_CASE("vllm prefixes: asynchronous scheduling finds blocks of the step in flight") {
  Scenario s = vllm();
  s.engine().async_scheduling = true;
  s.engine().max_num_seqs = 2;
  s.engine().max_num_batched_tokens = 12;
  s.send_named(0, {1, 2, 3}, 12, 1);
  s.send_named(0, {1, 2, 3}, 12, 1);
  CHECK(texts(run(s)) == Steps{"0..10 0:12", "10..20 1:4"});
}

TEST_CASE("vllm prefixes: a cut prompt leaves the chunk that was scheduled") {
  Scenario s = vllm();
  s.engine().max_num_batched_tokens = 10;
  s.send_named(0, {1, 2, 3, 4}, 16, 1);
  s.send_named(0, {1, 2, 3, 4}, 16, 1);
  const Outcome o = run(s);
  // Request 0 gets 10 tokens, then 6. Request 1 then finds all but the last block.
  CHECK(texts(o) == Steps{"0..10 0:10", "10..20 0:6 1:4"});
}

TEST_CASE("vllm prefixes: a request's last block is lost first, the oldest release before newer") {
  Scenario s = vllm(6);
  s.send_named(0, {1, 2, 3}, 12, 1);
  s.send_named(20, {7, 8, 9, 10}, 16, 1);
  s.send_named(40, {1, 2, 3, 5}, 13, 1);
  s.send_named(60, {7, 8, 9, 10}, 16, 1);
  const Outcome o = run(s);
  // Queue after request 0: three empty, 3, 2, 1. Request 1 takes the empty ones and 3; then it is
  // 2, 1, 10, 9, 8, 7. Request 2 finds 1 and 2, needs two more blocks and takes 10 and 9. Request 3
  // finds 7 and 8.
  CHECK(texts(o) == Steps{"0..10 0:12", "20..30 1:16", "40..50 2:5", "60..70 3:8"});
}

TEST_CASE("vllm prefixes: what is found moves to the end of the queue") {
  Scenario s = vllm(5);
  s.send_named(0, {1, 2}, 8, 1);
  s.send_named(20, {3, 4}, 8, 1);
  s.send_named(40, {1, 2, 9}, 9, 1);
  s.send_named(60, {5, 6}, 8, 1);
  s.send_named(80, {1, 2, 9}, 9, 1);
  s.send_named(100, {3, 4, 9}, 9, 1);
  const Outcome o = run(s);
  // Before request 2: one empty, 2, 1, 4, 3. It takes the empty one and leaves 4, 3, empty, 2, 1:
  // request 3 overwrites 4 and 3.
  CHECK(cached(o) == Cached{0, 0, 8, 0, 8, 0});
}

TEST_CASE("vllm prefixes: blocks that are found in the queue count as taken at admission") {
  Scenario s = vllm(4);
  s.send_named(0, {1, 2, 3}, 12, 1);
  s.send(20, 4, 3);
  s.send_named(25, {1, 2, 3, 8}, 13, 1);
  const Outcome o = run(s);
  // At 30 ms three blocks are free, those of request 0; request 1's token 5 takes the one of tokens
  // 9..12. Request 2 finds the other two and lacks two, but two are free in all.
  CHECK(texts(o) == Steps{"0..10 0:12", "20..30 1:4", "30..40 1:1", "40..50 1:1", "50..60 2:5"});
}

TEST_CASE("vllm prefixes: blocks in use need no room of their own") {
  Scenario s = vllm(4);
  s.send_named(0, {1, 2, 3}, 12, 3);
  s.send_named(5, {1, 2, 3}, 12, 1);
  const Outcome o = run(s);
  // One block is free at 10 ms, and request 0's token 13 takes it: no room for request 1's third
  // until request 0 has ended.
  CHECK(texts(o) == Steps{"0..10 0:12", "10..20 0:1", "20..30 0:1", "30..40 1:4"});
  Scenario larger = vllm(5);
  larger.arrivals = s.arrivals;
  larger.hashes = s.hashes;
  const Outcome p = run(larger);  // 12 tokens twice do not fit in 5 blocks, 12 + 4 and a decode do
  CHECK(texts(p) == Steps{"0..10 0:12", "10..20 0:1 1:4", "20..30 0:1"});
  CHECK(p.sink.steps[1].record.kv_blocks_used == 5);
}

TEST_CASE("vllm prefixes: equal blocks stay two, and the second is found when the first is gone") {
  Scenario s = vllm(4);
  s.send_named(0, {1, 2}, 8, 1);
  s.send_named(0, {1, 2}, 8, 1);  // finds block 1 and computes block 2 once more
  s.send(20, 8, 1);
  s.send_named(40, {1, 2, 9}, 9, 1);
  const Outcome o = run(s);
  // Queue: empty, 2 (of request 0), 2' (of request 1), 1. Request 2 takes the empty one and 2.
  CHECK(texts(o) == Steps{"0..10 0:8 1:4", "20..30 2:8", "40..50 3:1"});
}

TEST_CASE("vllm prefixes: the next turn finds prompt and answer but for the last block") {
  Scenario s = vllm();
  s.send_turn(0, 5, 6, 6);
  s.send_turn(100, 5, 15, 1);
  s.send_turn(150, 6, 15, 1);  // another conversation
  const Outcome o = run(s);
  // 11 of the 12 tokens of the first turn were computed: two full blocks.
  CHECK(cached(o) == Cached{0, 8, 0});
}

TEST_CASE("vllm prefixes: a group shares its prefix in whole blocks") {
  Scenario s = vllm();
  for (const std::uint32_t group : {3U, 3U, 4U}) {
    s.send(50.0 * static_cast<double>(s.arrivals.size()), 14, 1);
    s.arrivals.back().prefix_group = group;
    s.arrivals.back().prefix_tokens = 10;
  }
  CHECK(cached(run(s)) == Cached{0, 8, 0});
}

TEST_CASE("vllm prefixes: named blocks need not be multiples of KV blocks") {
  Scenario s = vllm(1000, 6);
  s.send_named(0, {1, 2}, 12, 1);
  s.send_named(50, {1, 3}, 12, 1);      // six tokens in common: one KV block
  s.send_named(100, {1, 2, 4}, 13, 1);  // twelve
  s.send_named(150, {1, 2}, 10, 1);     // the last name covers four tokens only: 9 may be found
  CHECK(cached(run(s)) == Cached{0, 4, 12, 8});
}

TEST_CASE("vllm prefixes: an equal name behind other ones is another block") {
  Scenario s = vllm();
  s.send_named(0, {1, 2, 3}, 12, 1);
  s.send_named(50, {7, 2, 3}, 13, 1);
  s.send_named(100, {1, 2, 3}, 13, 1);
  CHECK(cached(run(s)) == Cached{0, 0, 12});
}

TEST_CASE("vllm prefixes: a resumed request's hit is not counted as a prompt's") {
  Scenario s = vllm(6);
  s.send(0, 8, 9);
  s.send(0, 8, 7);
  const Outcome o = run(s);  // as in "a preempted request finds the blocks again ..."
  CHECK(o.summary.counts.preemptions == 1);
  CHECK(o.summary.counts.cached_tokens == 0);
}

TEST_CASE("vllm prefixes: without anything shared and without preemption caching changes nothing") {
  Scenario s = vllm(60);
  for (int i = 0; i < 40; ++i) s.send(7.0 * i, 5 + i % 13, 1 + i % 7);
  const Outcome on = run(s);
  REQUIRE(on.summary.counts.preemptions == 0);
  s.engine().prefix_caching = false;
  const Outcome off = run(s);
  CHECK(on.summary.digest == off.summary.digest);
  CHECK(texts(on) == texts(off));
}
