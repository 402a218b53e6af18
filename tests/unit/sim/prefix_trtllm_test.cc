// TensorRT-LLM's block reuse on scripts short enough to work out by hand. Steps take 10 ms, KV
// blocks and the prompts' named blocks hold 4 tokens. The rules: full blocks, of all tokens but the
// last; a context's blocks are stored when it is complete, the rest when the request ends; what is
// stored already is not stored twice; admission sets aside prompt + max_tokens in full.
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

const ConstantStepModel kTenMs(0.010);

Scenario trtllm(std::int64_t usable = 1000) {
  Scenario s(models::EngineKind::trtllm, kTenMs, usable, 4);
  s.engine().prefix_caching = true;
  s.hash_tokens = 4;
  return s;
}

}  // namespace

TEST_CASE("trtllm prefixes: a complete context is reused while its request goes on") {
  Scenario s = trtllm();
  s.send_named(0, {1, 2}, 8, 3);
  s.send_named(5, {1, 2, 3}, 9, 1);
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:8", "10..20 0:1 1:1", "20..30 0:1"});
}

TEST_CASE("trtllm prefixes: a context waits for one that is about to compute its first block") {
  Scenario s = trtllm();
  s.send_named(0, {1, 2, 3}, 12, 1);
  s.send_named(0, {1, 2, 3}, 12, 1);  // would compute block 1
  s.send_named(0, {5, 6, 7}, 12, 1);  // has nothing to wait for
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:12 2:12", "10..20 1:4"});
}

TEST_CASE("trtllm prefixes: it also waits for a context in chunks") {
  Scenario s = trtllm();
  s.engine().max_num_batched_tokens = 8;
  s.send_named(0, {1, 2, 3}, 12, 1);
  s.send_named(0, {1, 2, 3}, 12, 1);
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:8", "10..20 0:4", "20..30 1:4"});
}

TEST_CASE("trtllm prefixes: the overlap scheduler looks before the context's results are there") {
  Scenario s = trtllm();
  s.engine().async_scheduling = true;
  s.send_named(0, {1, 2, 3}, 12, 2);
  s.send_named(0, {1, 2, 3}, 12, 1);
  s.send_named(25, {1, 2, 3}, 12, 1);
  const Outcome o = run(s);
  // Step 2 is composed when step 1 starts: request 0 is past its context, and nothing is stored.
  CHECK(texts(o) == Steps{"0..10 0:12", "10..20 0:1 1:12", "25..35 2:4"});
}

TEST_CASE("trtllm prefixes: blocks to completion are needed in full, shared ones set aside once") {
  Scenario s = trtllm(8);
  s.send_named(0, {1, 2, 3}, 12, 4);
  s.send_named(5, {1, 2, 3}, 12, 4);
  s.send_named(5, {1, 2, 3}, 12, 4);
  SECTION("in 8 blocks two of 4 run") {
    // 4 are set aside for request 0, 4 are left for request 1; the 2 that it shares with request 0
    // are left for others then, but request 2 needs 4.
    const Outcome o = run(s);
    CHECK(texts(o)[1] == "10..20 0:1 1:4");
    CHECK(texts(o)[2] == "20..30 0:1 1:1");
    CHECK(cached(o) == Cached{0, 8, 8});
  }
  SECTION("in 10 all three do, where 12 would be needed without sharing") {
    s.config.replica.kv.usable_blocks = s.config.replica.kv.blocks = 10;
    CHECK(texts(run(s))[1] == "10..20 0:1 1:4 2:4");
  }
}

TEST_CASE("trtllm prefixes: the next turn finds prompt and answer but for the last block") {
  Scenario s = trtllm();
  s.send_turn(0, 5, 6, 6);  // 11 tokens are computed: two full blocks
  s.send_turn(100, 5, 15, 1);
  CHECK(cached(run(s)) == Cached{0, 8});
}

TEST_CASE("trtllm prefixes: what was stored twice is stored once and lost with it") {
  Scenario s = trtllm(5);
  s.send_named(0, {1, 2}, 8, 1);
  s.send_named(20, {1, 2}, 8, 1);  // finds block 1, computes 2 again: not stored
  s.send_named(40, {5, 6, 7}, 12, 1);
  s.send_named(60, {1, 2, 3}, 9, 1);
  const Outcome o = run(s);
  // Queue after request 1: two empty, 2, 2', 1 (request 1 took an empty one). Request 2 takes the
  // empty ones and 2; its copy 2' has no name.
  CHECK(cached(o) == Cached{0, 4, 0, 4});
}

TEST_CASE("trtllm prefixes: without anything shared caching changes nothing") {
  Scenario s = trtllm(60);
  for (int i = 0; i < 40; ++i) s.send(7.0 * i, 5 + i % 13, 1 + i % 7, 9);
  const Outcome on = run(s);
  s.engine().prefix_caching = false;
  const Outcome off = run(s);
  CHECK(on.summary.digest == off.summary.digest);
  CHECK(texts(on) == texts(off));
}
