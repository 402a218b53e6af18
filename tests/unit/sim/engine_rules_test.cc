// Rules behind the engines' own options, on scripts short enough to work out by hand. Steps take
// 10 ms.
#include "sim/engine_policy.h"
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

const ConstantStepModel kTenMs(0.010);

Scenario vllm(std::int64_t usable = 1000) {
  return Scenario(models::EngineKind::vllm, kTenMs, usable, 4);
}

void send(Scenario& s, std::int32_t priority, double ms, std::int32_t prompt, std::int32_t output) {
  s.send(ms, prompt, output);
  s.arrivals.back().priority = priority;
}

}  // namespace

TEST_CASE("by priority the lowest number is admitted first, ties in the order sent") {
  Scenario s = vllm();
  s.engine().priority_scheduling = true;
  s.engine().max_num_seqs = 1;
  send(s, 0, 0, 4, 2);
  send(s, 5, 1, 4, 1);
  send(s, 1, 2, 4, 1);
  send(s, 1, 3, 4, 1);
  CHECK(texts(run(s)) ==
        Steps{"0..10 0:4", "10..20 0:1", "20..30 2:4", "30..40 3:4", "40..50 1:4"});
}

TEST_CASE("without priority scheduling priorities change nothing") {
  Scenario s = vllm();
  s.engine().max_num_seqs = 1;
  send(s, 5, 0, 4, 1);
  send(s, 0, 0, 4, 1);
  CHECK(texts(run(s)) == Steps{"0..10 0:4", "10..20 1:4"});
}

TEST_CASE("by priority a request that is last in rank preempts itself, wherever it stands") {
  Scenario s = vllm(4);
  s.engine().priority_scheduling = true;
  send(s, 5, 0, 7, 6);
  send(s, 0, 5, 7, 6);
  // 4 blocks of 4. At 20 ms request 0, first in the list, needs a block for its ninth token: it is
  // the victim itself and phase 1 stops. That attempt is empty and costs no time; in the next one 1
  // decodes alone. 0 comes back with 7 + 2 tokens, 3 blocks, when 1 has finished with its 3.
  CHECK(texts(run(s)) == Steps{"0..10 0:7", "10..20 0:1 1:7", "20..30 1:1 !0", "30..40 1:1",
                               "40..50 1:1", "50..60 1:1", "60..70 1:1", "70..80 0:9", "80..90 0:1",
                               "90..100 0:1", "100..110 0:1"});
}

TEST_CASE("by priority a victim loses what it was given in the same step") {
  Scenario s = vllm(4);
  s.engine().priority_scheduling = true;
  send(s, 5, 0, 5, 6);
  send(s, 0, 5, 7, 3);
  const Outcome o = run(s);
  // At 30 ms request 0 has got its eighth token, for which it has room; then 1 needs a block for
  // its ninth. The victim is 0: its token is taken back, and it recomputes 5 + 3 tokens later.
  CHECK(texts(o) == Steps{"0..10 0:5", "10..20 0:1 1:7", "20..30 0:1 1:1", "30..40 1:1 !0",
                          "40..50 0:8", "50..60 0:1", "60..70 0:1"});
  const models::BatchShape& shape = o.sink.steps[3].record.shape;
  CHECK(shape.decode_seqs == 1);
  CHECK(shape.decode_context_tokens == 8);
  CHECK(shape.sampled_seqs == 1);
  // Admissions as the steps report them: the second of request 0 finds nothing cached.
  REQUIRE(o.sink.steps[4].admitted.size() == 1);
  CHECK(index(o.sink.steps[4].admitted[0].id) == 0);
  CHECK(o.sink.steps[4].admitted[0].cached == 0);
  CHECK(o.sink.steps[3].admitted.empty());
}

TEST_CASE("a long prompt gets no more than the threshold in a step, running or waiting") {
  Scenario s = vllm();
  s.engine().max_num_batched_tokens = 16;
  s.engine().long_prefill_tokens = 4;
  s.send(0, 10, 1);
  s.send(0, 3, 2);
  CHECK(texts(run(s)) == Steps{"0..10 0:4 1:3", "10..20 0:4 1:1", "20..30 0:2"});
}

TEST_CASE("sglang's mixed chunks take the decodes along, which shorten the chunk") {
  Scenario s(models::EngineKind::sglang, kTenMs, 1000, 1);
  s.engine().mixed_chunk = true;
  s.engine().chunk_tokens = 8;
  s.send(0, 4, 5);
  s.send(15, 10, 2);
  // One decode leaves 8 - 1 = 7 tokens of the prompt in the first step, the other 3 in the second.
  CHECK(texts(run(s)) ==
        Steps{"0..10 0:4", "10..20 0:1", "20..30 1:7 0:1", "30..40 1:3 0:1", "40..50 0:1 1:1"});
  s.engine().mixed_chunk = false;
  CHECK(texts(run(s)) == Steps{"0..10 0:4", "10..20 0:1", "20..30 1:8", "30..40 1:2",
                               "40..50 0:1 1:1", "50..60 0:1", "60..70 0:1"});
}

// As in sglang_test.cc up to 100 ms, when request 1 is retracted and 0 goes on with 9 of its 12
// outputs. The reserved share is then min(1, (9 + 20) / (12 + 1)) = 1, or (9 + 1) / 13 = 0.77 with
// one step. At 110 ms 0 holds 10 + 9 tokens and may generate 2 more: 11 - 2 = 9 or 11 - 1.54 = 9.46
// are left for request 2, which needs 7 + 1 + 1.
TEST_CASE("sglang counts a given number of steps on top after a retraction") {
  Scenario s(models::EngineKind::sglang, kTenMs, 30, 1);
  s.engine().new_token_ratio_init = 0.1;
  s.engine().new_token_ratio_min = 0.1;
  s.send(0, 10, 12);
  s.send(12, 5, 11);
  s.send(95, 7, 1);
  CHECK(texts(run(s))[10] == "100..110 0:1 !1");
  CHECK(texts(run(s))[11] == "110..120 0:1");
  s.engine().retract_decode_steps = 1;
  CHECK(texts(run(s))[11] == "110..120 2:7");
}

TEST_CASE("options that cannot act are errors") {
  Scenario s(models::EngineKind::sglang, kTenMs, 1000, 1);
  s.engine().mixed_chunk = true;
  CHECK(sim::check(s.engine(), s.config.replica.kv));
  s.engine().chunk_tokens = 0;
  CHECK_FALSE(sim::check(s.engine(), s.config.replica.kv));
  s.engine().mixed_chunk = false;
  s.engine().retract_decode_steps = 0;
  CHECK_FALSE(sim::check(s.engine(), s.config.replica.kv));
  Scenario v = vllm();
  v.engine().long_prefill_tokens = -1;
  CHECK_FALSE(sim::check(v.engine(), v.config.replica.kv));
}

TEST_CASE("trtllm's MAX_UTILIZATION admits by the next step and pauses the newest when short") {
  Scenario s(models::EngineKind::trtllm, kTenMs, 4, 4);
  s.send(0, 7, 6);
  s.send(0, 7, 6);
  SECTION("guaranteed: 13 tokens to completion are all 4 blocks, so one after the other") {
    const Outcome o = run(s);
    CHECK(o.summary.counts.preemptions == 0);
    CHECK(o.request(1).engine_scheduled == at_ms(60));
  }
  SECTION("at 20 ms request 0 needs a third block: 1 is paused, comes back with 7 + 2 tokens") {
    s.engine().capacity = sim::Capacity::max_utilization;
    const Outcome o = run(s);
    CHECK(texts(o) == Steps{"0..10 0:7 1:7", "10..20 0:1 1:1", "20..30 0:1 !1", "30..40 0:1",
                            "40..50 0:1", "50..60 0:1", "60..70 1:9", "70..80 1:1", "80..90 1:1",
                            "90..100 1:1"});
    CHECK(o.request(1).preemptions == 1);
  }
}

TEST_CASE("trtllm's STATIC_BATCH admits only when nothing runs") {
  Scenario s(models::EngineKind::trtllm, kTenMs, 1000, 4);
  s.engine().capacity = sim::Capacity::static_batch;
  s.send(0, 4, 3);
  s.send(5, 4, 2);
  s.send(6, 4, 1);
  CHECK(texts(run(s)) ==
        Steps{"0..10 0:4", "10..20 0:1", "20..30 0:1", "30..40 1:4 2:4", "40..50 1:1"});
}

TEST_CASE("llama.cpp without continuous batching lets prompts wait until nothing generates") {
  Scenario s(models::EngineKind::llamacpp, kTenMs, 200, 1);
  s.engine().max_num_seqs = 2;
  s.send(0, 4, 3);
  s.send(5, 4, 2);
  SECTION("on: the prompt joins the second step") {
    CHECK(texts(run(s)) == Steps{"0..10 0:4", "10..20 0:1 1:4", "20..30 0:1 1:1"});
  }
  SECTION("off: it waits for request 0's last token, though a slot is free") {
    s.engine().continuous_batching = false;
    CHECK(texts(run(s)) ==
          Steps{"0..10 0:4", "10..20 0:1", "20..30 0:1", "30..40 1:4", "40..50 1:1"});
  }
}
