// SGLang's radix cache on scripts short enough to work out by hand. Steps take 10 ms, pages hold
// one token, the prompts' named blocks ten. The rules: a prompt enters the tree when its prefill is
// complete, a finished request with all but its last token; look-ups split nodes and mark the path
// as used; when a batch lacks pages, unlocked leaves go, least recently used first, whole, until as
// many tokens are gone as the batch needs.
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

const ConstantStepModel kTenMs(0.010);

Scenario sglang(std::int64_t usable = 1000, std::int64_t page = 1) {
  Scenario s(models::EngineKind::sglang, kTenMs, usable, page);
  s.engine().prefix_caching = true;
  s.hash_tokens = 10;
  return s;
}

}  // namespace

TEST_CASE("sglang prefixes: a prompt is found once it is computed, all but its last token") {
  Scenario s = sglang();
  s.send_named(0, {1}, 10, 3);
  s.send_named(5, {1}, 10, 1);
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:10", "10..20 1:1", "20..30 0:1", "30..40 0:1"});
}

TEST_CASE(
    "sglang prefixes: under the overlap scheduler a prompt is found when its results are there") {
  Scenario s = sglang();
  s.engine().async_scheduling = true;
  s.send_named(0, {1}, 10, 3);
  s.send_named(1, {1}, 10, 1);
  const Outcome o = run(s);
  // Steps 1 and 2 are composed at 0 ms; at 10 ms the prompt is in the tree and request 1 is seen.
  CHECK(texts(o)[2] == "20..30 1:1");
}

TEST_CASE("sglang prefixes: equal prompts of one batch are computed twice and kept once") {
  Scenario s = sglang();
  s.send_named(0, {1}, 10, 2);
  s.send_named(0, {1}, 10, 2);
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:10 1:10", "10..20 0:1 1:1"});
  CHECK(o.sink.steps[0].record.kv_blocks_used == 20);
  CHECK(o.sink.steps[1].record.kv_blocks_used == 12);  // the prompt and a token each
}

TEST_CASE("sglang prefixes: the next turn finds prompt and answer to the token") {
  Scenario s = sglang();
  s.send_turn(0, 5, 6, 6);  // 11 tokens are computed
  s.send_turn(100, 5, 15, 1);
  CHECK(cached(run(s)) == Cached{0, 11});
}

TEST_CASE("sglang prefixes: with larger pages only whole ones are found") {
  Scenario s = sglang(100, 4);
  s.send_turn(0, 5, 6, 6);
  s.send_turn(100, 5, 15, 1);
  CHECK(cached(run(s)) == Cached{0, 8});
}

TEST_CASE("sglang prefixes: the chunks of a long prompt enter the tree as they are computed") {
  Scenario s = sglang();
  s.engine().chunk_tokens = 20;
  s.engine().max_num_seqs = 2;
  s.send_named(0, {1, 2, 3, 4}, 35, 1);
  s.send_named(5, {1, 2, 3, 4}, 35, 1);
  const Outcome o = run(s);
  // At 10 ms the first 20 tokens are in the tree; request 0's last chunk of 15 leaves 5 of the
  // step's 20 tokens, too few for the 15 that request 1 lacks, and one request is in the batch: it
  // is cut to 5. Then it finds nothing more, being admitted, and computes the rest.
  CHECK(texts(o) == Steps{"0..10 0:20", "10..20 0:15 1:5", "20..30 1:10"});
  CHECK(cached(o) == Cached{0, 20});
}

TEST_CASE("sglang prefixes: idle pages go when a batch lacks room, as many as it needs") {
  Scenario s = sglang(30);
  s.send_named(0, {1}, 10, 1);
  s.send_named(20, {2}, 10, 1);
  SECTION("10 pages are left: nothing goes") {
    s.send_named(40, {3}, 10, 1);
    s.send_named(60, {2, 9}, 11, 1);
    CHECK(cached(run(s)) == Cached{0, 0, 0, 10});
  }
  SECTION("5 are lacking, so 15 go: both leaves") {
    s.send_named(40, {3, 4}, 15, 1);
    s.send_named(60, {2, 9}, 11, 1);
    CHECK(cached(run(s)) == Cached{0, 0, 0, 0});
  }
}

TEST_CASE("sglang prefixes: the leaf that was used longest ago goes first, then its parents") {
  Scenario s = sglang(40);
  s.send_named(0, {1, 2}, 20, 1);
  s.send_named(20, {1, 3}, 20, 1);     // splits: 1 with the leaves 2 and 3
  s.send_named(40, {1, 2, 4}, 21, 1);  // a leaf of one token under 2; 31 pages in the tree
  SECTION("10 pages: leaf 3") {
    s.send_named(60, {7}, 10, 1);
    s.send_named(80, {1, 2, 4}, 21, 1);
    s.send_named(100, {1, 3, 9}, 21, 1);
    CHECK(cached(run(s)) == Cached{0, 10, 20, 0, 20, 10});
  }
  SECTION("12 pages: leaf 3, leaf 4 and then 2, which has become one") {
    s.send_named(60, {7, 8}, 12, 1);
    s.send_named(80, {1, 2, 9}, 21, 1);
    CHECK(cached(run(s)) == Cached{0, 10, 20, 0, 10});
  }
}

TEST_CASE("sglang prefixes: what running requests use stays") {
  Scenario s = sglang(45);
  s.engine().new_token_ratio_init = s.engine().new_token_ratio_min = 0.1;
  s.send_named(0, {1}, 10, 20);
  s.send_named(15, {2}, 10, 1);
  s.send_named(35, {5, 6, 7}, 21, 1);
  s.send_named(300, {1, 9}, 11, 1);
  s.send_named(320, {2, 9}, 11, 1);
  const Outcome o = run(s);
  // At 50 ms request 0 holds 12 pages, prompts 2 and 5 6 7 another 31, idle. Its 17 decodes to come
  // take the last two, then prompt 2's pages, then those of 5 6 7, never those of prompt 1.
  CHECK(cached(o) == Cached{0, 0, 0, 10, 0});
  s.config.replica.kv.usable_blocks = s.config.replica.kv.blocks = 65;  // room for all 29 + 10 + 21
  CHECK(cached(run(s)) == Cached{0, 0, 0, 10, 10});
}

TEST_CASE("sglang prefixes: a retraction empties the tree up to 20 tokens a survivor") {
  Scenario s = sglang(30);
  s.engine().new_token_ratio_init = 0.1;
  s.engine().new_token_ratio_min = 0.1;
  s.send(0, 10, 12);
  s.send(12, 5, 11);
  s.send(95, 20, 1);
  const Outcome o = run(s);
  // The script of "without pages the request with the fewest outputs is retracted ...": request 1's
  // prompt would still be in the tree when it comes back, had the retraction not emptied it.
  CHECK(texts(o)[10] == "100..110 0:1 !1");
  CHECK(texts(o)[14] == "140..150 1:13");
}

TEST_CASE("sglang prefixes: found pages stop being free before the admission is checked") {
  Scenario s = sglang(40);
  s.engine().new_token_ratio_init = s.engine().new_token_ratio_min = 0.1;
  s.send_named(0, {1, 2}, 20, 1);
  s.send(20, 5, 5);
  SECTION("5 + 8 + 1 against 35 - 20 - 0.1 * 4 = 14.6") {
    s.send_named(25, {1, 2, 3}, 25, 1, 8);
    CHECK(texts(run(s))[2] == "30..40 2:5");
  }
  SECTION("one more does not fit, though 34 idle pages are free") {
    s.send_named(25, {1, 2, 3}, 25, 1, 9);
    CHECK(texts(run(s))[2] == "30..40 1:1");
  }
}

TEST_CASE("sglang prefixes: longest prefix first sorts the queue") {
  Scenario s = sglang();
  const bool lpm = GENERATE(false, true);
  if (lpm) s.engine().schedule_policy = sim::SchedulePolicy::lpm;
  s.send_named(0, {1}, 10, 1);
  s.send_named(20, {5}, 10, 1);
  s.send_named(20, {1, 6}, 15, 1);
  CHECK(texts(run(s))[1] == (lpm ? "20..30 2:5 1:10" : "20..30 1:10 2:5"));
}

TEST_CASE("sglang prefixes: under lpm a request waits for one before it that has its beginning") {
  Scenario s = sglang();
  const bool lpm = GENERATE(false, true);
  if (lpm) s.engine().schedule_policy = sim::SchedulePolicy::lpm;
  s.hash_tokens = 40;
  s.engine().chunk_tokens = 52;
  s.send_named(0, {5}, 40, 1);
  s.send_named(0, {5, 6}, 45, 1);
  s.send_named(0, {7}, 12, 1);
  const Outcome o = run(s);
  if (lpm)
    CHECK(texts(o) == Steps{"0..10 0:40 2:12", "10..20 1:5"});
  else
    CHECK(texts(o) == Steps{"0..10 0:40 1:12", "10..20 1:33 2:12"});
}

TEST_CASE("sglang prefixes: a beginning of 32 tokens is not worth waiting for") {
  Scenario s = sglang();
  s.engine().schedule_policy = sim::SchedulePolicy::lpm;
  s.hash_tokens = 32;
  s.engine().chunk_tokens = 46;
  s.send_named(0, {5}, 32, 1);
  s.send_named(0, {5, 6}, 45, 1);
  s.send_named(0, {7}, 12, 1);
  CHECK(texts(run(s))[0] == "0..10 0:32 1:14");
}

TEST_CASE("sglang prefixes: a queue of more than 128 is not sorted") {
  const std::uint64_t waiting = GENERATE(128, 129);
  Scenario s = sglang(5000);
  s.engine().schedule_policy = sim::SchedulePolicy::lpm;
  s.send_named(0, {1}, 10, 1);
  for (std::uint64_t i = 1; i < waiting; ++i) s.send(20, 10, 1);
  s.send_named(20, {1, 6}, 15, 1);
  const Outcome o = run(s);
  CHECK(index(o.sink.steps[1].scheduled[0].id) == (waiting == 128 ? 128 : 1));
}

TEST_CASE(
    "sglang prefixes: without anything shared and without retraction caching changes nothing") {
  Scenario s = sglang(300);
  for (int i = 0; i < 40; ++i) s.send(7.0 * i, 5 + i % 13, 1 + i % 7);
  const Outcome on = run(s);
  REQUIRE(on.summary.counts.preemptions == 0);
  s.engine().prefix_caching = false;
  const Outcome off = run(s);
  CHECK(on.summary.digest == off.summary.digest);
  CHECK(texts(on) == texts(off));
}

TEST_CASE("sglang prefixes: prompts may enter the tree with the request's end only") {
  Scenario s = sglang();
  s.engine().sglang.prompts_enter_tree = false;
  s.send_named(0, {1}, 10, 3);
  s.send_named(5, {1}, 10, 1);
  s.send_named(100, {1}, 10, 1);
  const Outcome o = run(s);
  // Request 1 is admitted at 10 ms, when request 0 has not ended: it computes all of its prompt.
  CHECK(texts(o) == Steps{"0..10 0:10", "10..20 1:10", "20..30 0:1", "30..40 0:1", "100..110 2:1"});
  CHECK(cached(o) == Cached{0, 0, 9});
}

TEST_CASE("sglang prefixes: a chunk enters the tree at once in either reading") {
  Scenario s = sglang();
  s.engine().sglang.prompts_enter_tree = false;
  s.engine().chunk_tokens = 10;
  s.send_named(0, {1, 2}, 20, 3);
  s.send_named(15, {1, 2}, 20, 1);
  const Outcome o = run(s);
  // The first chunk enters when the second is composed, at 10 ms; request 1 finds it at 20 ms.
  CHECK(cached(o)[1] == 10);
}
