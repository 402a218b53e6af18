// llama.cpp's slots on scripts short enough to work out by hand. Steps take 10 ms.
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

const ConstantStepModel kTenMs(0.010);

// `slots` slots of 100 tokens each, one token a block, as llama.cpp counts.
Scenario llamacpp(std::int64_t slots, std::int64_t batch = 2048) {
  Scenario s(models::EngineKind::llamacpp, kTenMs, slots * 100, 1);
  s.engine().max_num_seqs = slots;
  s.engine().max_num_batched_tokens = batch;
  return s;
}

}  // namespace

TEST_CASE("llama.cpp's generating slots come first, prompts fill the batch in slot order") {
  Scenario s = llamacpp(3, 8);
  s.send(0, 10, 3);
  s.send(0, 6, 2);
  s.send(5, 4, 1);
  const Outcome o = run(s);
  // Step 1: 8 of request 0's prompt; nothing is left for 1. Step 2: 2 more of it, then 1's whole
  // prompt, full. Step 3: a token of 0 and of 1, then 2's prompt. Step 4: the last token of 0.
  CHECK(texts(o) == Steps{"0..10 0:8", "10..20 0:2 1:6", "20..30 0:1 1:1 2:4", "30..40 0:1"});
  CHECK(o.request(0).first_token == at_ms(20));
  CHECK(o.request(1).finish == at_ms(30));
  CHECK(o.request(2).finish == at_ms(30));
}

TEST_CASE("a request waits for a slot and takes the one that has been free the longest") {
  Scenario s = llamacpp(2);
  s.send(0, 3, 1);
  s.send(0, 3, 2);
  s.send(1, 3, 3);
  s.send(2, 3, 1);
  s.send(45, 3, 1);
  s.send(45, 2, 1);
  const Outcome o = run(s);
  // Both slots are taken at 0. Slot 0 is free at 10 and takes request 2, slot 1 at 20 takes 3; it
  // is free again at 30, slot 0 at 40. At 45 request 4 takes slot 1, free since 30, and 5 slot 0:
  // in the batch slot 0, and with it request 5, stands first.
  CHECK(texts(o) ==
        Steps{"0..10 0:3 1:3", "10..20 1:1 2:3", "20..30 2:1 3:3", "30..40 2:1", "45..55 5:2 4:3"});
  CHECK(o.request(2).engine_scheduled == at_ms(10));
  CHECK(o.request(3).engine_scheduled == at_ms(20));
}

TEST_CASE("the context is split over the slots, and what exceeds a slot is rejected") {
  Scenario s = llamacpp(2);
  s.send(0, 90, 10);
  s.send(0, 91, 10);
  const Outcome o = run(s);
  CHECK(o.summary.counts.finished == 1);
  CHECK(o.summary.counts.rejected == 1);
  CHECK(o.request(1).status == sim::RequestStatus::rejected);
  CHECK(o.summary.counts.preemptions == 0);
}

TEST_CASE("slots without a token of room in n_batch or in the cache are a usage error") {
  Scenario s = llamacpp(4, 3);
  const auto error = [&s] {
    ScriptedLoad load({});
    const auto result = sim::Simulation(s.config).run(load, {});
    REQUIRE_FALSE(result.has_value());
    return result.error().what;
  };
  CHECK(error() == "max_num_batched_tokens is 3, less than the 4 slots");
  s.engine().max_num_batched_tokens = 8;
  s.config.replica.kv.usable_blocks = 3;
  CHECK(error() == "3 KV blocks for 4 slots");
}

namespace {

// Two slots of 200 tokens that keep what they held; the prompts' named blocks have ten tokens.
Scenario keeping(std::int64_t slots = 2) {
  Scenario s(models::EngineKind::llamacpp, kTenMs, slots * 200, 1);
  s.engine().max_num_seqs = slots;
  s.engine().prefix_caching = true;
  s.hash_tokens = 10;
  return s;
}

}  // namespace

TEST_CASE(
    "llama.cpp: the next turn of a conversation returns to its slot and computes what is new") {
  Scenario s = keeping();
  s.send_turn(0, 5, 20, 3);
  s.send(0, 30, 1);
  s.send_turn(100, 5, 40, 1);
  const Outcome o = run(s);
  // Slot 0 is free at 30 ms and holds the prompt and two of its three tokens: the last was never
  // computed. Slot 1, free since 10 ms, would be next; but 22 of the 40 tokens lie in slot 0.
  CHECK(texts(o) == Steps{"0..10 0:20 1:30", "10..20 0:1", "20..30 0:1", "100..110 2:18"});
  CHECK(cached(o) == Cached{0, 0, 22});
}

TEST_CASE("llama.cpp: a slot must hold more of the prompt than slot_prompt_similarity") {
  const auto found = [](double similarity) {
    Scenario s = keeping();
    s.engine().slot_prompt_similarity = similarity;
    s.send_named(0, {1, 2}, 20, 3);  // slot 0 until 30 ms
    s.send(0, 30, 1);                // slot 1 until 10 ms
    s.send_named(100, {1, 3}, 100, 1);
    return cached(run(s))[2];
  };
  // 10 of 100 tokens are the same: a share of 0.1, which is not more than 0.1. Else the slot that
  // was used longest ago is taken, which holds nothing of it.
  CHECK(found(0.1) == 0);
  CHECK(found(0.09) == 10);
  CHECK(found(0) == 0);  // slots are not compared
}

TEST_CASE("llama.cpp: of several slots the one with the longest beginning is taken") {
  Scenario s = keeping(3);
  s.send_named(0, {1}, 10, 1);
  s.send_named(0, {1, 2}, 20, 1);
  s.send_named(0, {9}, 10, 1);
  s.send_named(100, {1, 2, 3}, 30, 2);
  s.send_named(105, {1, 2, 3}, 30, 1);
  const Outcome o = run(s);
  // Request 3 finds 20 in slot 1. Request 4 comes while that is used: 10 in slot 0.
  CHECK(cached(o) == Cached{0, 0, 0, 20, 10});
  CHECK(texts(o) == Steps{"0..10 0:10 1:20 2:10", "100..110 3:10", "110..120 3:1 4:20"});
}

TEST_CASE("llama.cpp: whichever slot it gets, a prompt finds what that holds of it") {
  Scenario s = keeping(1);
  s.engine().slot_prompt_similarity = 0;
  s.send_named(0, {1, 2}, 20, 1);
  s.send_named(100, {1, 3}, 20, 1);
  s.send_named(200, {1, 2}, 20, 1);  // the second block is gone: the slot holds {1, 3} now
  s.send_named(300, {1, 2}, 20, 1);  // all of it is there, but the last token is computed
  CHECK(cached(run(s)) == Cached{0, 10, 10, 19});
}

TEST_CASE("llama.cpp without cache_prompt computes everything") {
  Scenario s = keeping(1);
  s.engine().prefix_caching = false;
  s.send_named(0, {1}, 10, 1);
  s.send_named(100, {1}, 10, 1);
  CHECK(texts(run(s)) == Steps{"0..10 0:10", "100..110 1:10"});
}
