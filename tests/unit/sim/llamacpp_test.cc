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
