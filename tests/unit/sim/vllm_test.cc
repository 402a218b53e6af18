// vLLM V1's scheduling rules on scripts short enough to work out by hand. Steps take 10 ms.
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

const ConstantStepModel kTenMs(0.010);

Scenario vllm(std::int64_t usable = 1000, std::int64_t block = 4) {
  return Scenario(models::EngineKind::vllm, kTenMs, usable, block);
}

}  // namespace

TEST_CASE("a prompt beyond the token budget is prefilled in chunks and the last chunk samples") {
  Scenario s = vllm();
  s.engine().max_num_batched_tokens = 8;
  s.send(0, 10, 3);
  const Outcome o = run(s);
  // 8 + 2 prompt tokens, then two decodes: 3 tokens at the ends of steps 1, 2, 3.
  CHECK(texts(o) == Steps{"0..10 0:8", "10..20 0:2", "20..30 0:1", "30..40 0:1"});
  CHECK(o.request(0).first_token == at_ms(20));
  CHECK(o.request(0).finish == at_ms(40));
  CHECK(o.request(0).engine_scheduled == at_ms(0));
  CHECK(o.request(0).tpot_s() == Approx(0.010));
  CHECK(o.summary.counts.scheduled_tokens == 12);
  CHECK(o.summary.itl.count() == 2);
  CHECK(o.summary.itl.max_s() == Approx(0.010));
  CHECK(o.ended == std::vector<std::pair<RequestId, SimTime>>{{RequestId{0}, at_ms(40)}});
}

TEST_CASE("running requests come before admissions and the newest prompt is cut") {
  Scenario s = vllm();
  s.engine().max_num_batched_tokens = 8;
  s.send(0, 10, 3);
  s.send(5, 12, 2);
  s.send(6, 3, 1);
  const Outcome o = run(s);
  // Step 1: 2 left of request 0, so 6 of request 1. Step 2: a decode, the other 6 of request 1, and
  // one token of budget for request 2. Step 3: request 0 decodes its last, 1 its last, 2 the rest.
  CHECK(texts(o) ==
        Steps{"0..10 0:8", "10..20 0:2 1:6", "20..30 0:1 1:6 2:1", "30..40 0:1 1:1 2:2"});
  CHECK(o.request(1).engine_queued == at_ms(5));
  CHECK(o.request(1).engine_scheduled == at_ms(10));
  CHECK(o.request(2).first_token == at_ms(40));
  const models::BatchShape& mixed = o.sink.steps[2].record.shape;
  CHECK(mixed.decode_seqs == 1);
  CHECK(mixed.decode_context_tokens == 10);
  CHECK(mixed.prefill_seqs == 2);
  CHECK(mixed.prefill_tokens == 7);
  CHECK(mixed.prefill_context_tokens == 6);
  CHECK(mixed.prefill_pairs == 6 * 6 + 21 + 1);
  CHECK(mixed.sampled_seqs == 2);  // the decode and request 1's last chunk
}

TEST_CASE(
    "without blocks the newest running request is preempted and recomputes prompt and outputs") {
  const bool async = GENERATE(false, true);
  CAPTURE(async);
  Scenario s = vllm(4);
  s.engine().async_scheduling = async;
  s.send(0, 7, 6);
  s.send(0, 7, 6);
  const Outcome o = run(s);
  // 4 blocks of 4: both prompts fill the pool up to 8 tokens each. Step 2 needs a ninth token of
  // request 0: request 1 goes, and comes back with 7 + 2 tokens (3 blocks) when request 0 has
  // finished.
  CHECK(texts(o) == Steps{"0..10 0:7 1:7", "10..20 0:1 1:1", "20..30 0:1 !1", "30..40 0:1",
                          "40..50 0:1", "50..60 0:1", "60..70 1:9", "70..80 1:1", "80..90 1:1",
                          "90..100 1:1"});
  CHECK(o.request(0).finish == at_ms(60));
  CHECK(o.request(1).finish == at_ms(100));
  CHECK(o.request(1).first_token == at_ms(10));
  CHECK(o.request(1).preemptions == 1);
  CHECK(o.summary.counts.preemptions == 1);
  CHECK(o.sink.steps[6].record.shape.prefill_seqs == 1);  // recomputation is prefill
  CHECK(o.summary.itl.max_s() == Approx(0.050));          // request 1: tokens at 20 and 70 ms
  CHECK(o.summary.peak_kv_used == 1.0);
}

TEST_CASE("a step that preempts admits nobody, and the victim keeps its place in the queue") {
  Scenario s = vllm(6);
  s.send(0, 7, 6);
  s.send(0, 7, 6);
  s.send(0, 3, 6);
  s.send(11, 3, 2);
  const Outcome o = run(s);
  // Step 0: blocks 2 + 2 + 1. Step 1: 0 and 1 fill their second block, 2 its first; request 3
  // arrives. Step 2: 0 takes the last free block, 1 preempts 2, which frees one, and takes it; free
  // 0, and nobody is admitted. Step 3: 2 wants 3 + 2 tokens, two blocks: request 3 must wait behind
  // it. Tokens 13 of 0 and 1 would be the fourth block, but 12 is the last computed: both finish at
  // step 5.
  CHECK(texts(o) == Steps{"0..10 0:7 1:7 2:3", "10..20 0:1 1:1 2:1", "20..30 0:1 1:1 !2",
                          "30..40 0:1 1:1", "40..50 0:1 1:1", "50..60 0:1 1:1", "60..70 2:5 3:3",
                          "70..80 2:1 3:1", "80..90 2:1", "90..100 2:1"});
}

TEST_CASE("admission needs room for the whole prompt, or for the first chunk in older versions") {
  Scenario s = vllm(5);
  s.engine().max_num_batched_tokens = 8;
  s.send(0, 8, 5);
  s.send(0, 12, 1);
  // 12 tokens of request 0 need 3 blocks in the end; request 1 needs 3 for its prompt and 2 blocks
  // for a first chunk of 7 or 8 tokens.
  SECTION("whole prompt") {
    const Outcome o = run(s);
    CHECK(texts(o) == Steps{"0..10 0:8", "10..20 0:1", "20..30 0:1", "30..40 0:1", "40..50 0:1",
                            "50..60 1:8", "60..70 1:4"});
  }
  SECTION("first chunk") {
    s.engine().reserve_full_prompt = false;
    const Outcome o = run(s);
    // Step 1: 0 holds 3 blocks, 1 takes 2 for 7 tokens. Step 2: one more token fits, 4 more do not:
    // the chunk needs a third block, so request 1 preempts itself. Step 3: 2 blocks for 7 tokens
    // again.
    CHECK(texts(o) == Steps{"0..10 0:8", "10..20 0:1 1:7", "20..30 0:1 !1", "30..40 0:1 1:7",
                            "40..50 0:1 !1", "50..60 1:8", "60..70 1:4"});
  }
}

TEST_CASE("the watermark is kept free only while something runs") {
  Scenario s = vllm(9);
  s.engine().watermark = 0.2;  // 2 of 10 blocks, the null block counted
  s.send(0, 32, 2);            // 8 blocks, the pool being empty
  s.send(0, 4, 1);             // 1 block would be free
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:32", "10..20 0:1", "20..30 1:4"});
}

TEST_CASE("without chunked prefill a prompt waits for a step with enough budget") {
  Scenario s = vllm();
  s.engine().chunked_prefill = false;
  s.engine().max_num_batched_tokens = 10;
  s.send(0, 6, 2);
  s.send(0, 6, 1);
  s.send(0, 4, 1);  // would fit, but order is first come, first served
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:6", "10..20 0:1 1:6", "20..30 2:4"});
}

TEST_CASE("max_num_seqs bounds the running list") {
  Scenario s = vllm();
  s.engine().max_num_seqs = 1;
  s.send(0, 4, 2);
  s.send(1, 4, 1);
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:4", "10..20 0:1", "20..30 1:4"});
  CHECK(o.sink.steps[1].record.waiting == 1);
  CHECK(o.sink.steps[1].record.running == 1);
}

TEST_CASE("a request that arrives during a step joins the next one, or the one after under async") {
  Scenario s = vllm();
  s.send(0, 4, 6);
  s.send(15, 4, 1);
  s.send(20, 4, 1);  // exactly at a step's start: seen by what is composed there
  SECTION("synchronous") {
    const Outcome o = run(s);
    CHECK(texts(o) == Steps{"0..10 0:4", "10..20 0:1", "20..30 0:1 1:4 2:4", "30..40 0:1",
                            "40..50 0:1", "50..60 0:1"});
    CHECK(o.request(1).first_token == at_ms(30));
  }
  SECTION("asynchronous") {
    s.engine().async_scheduling = true;
    const Outcome o = run(s);
    CHECK(texts(o) == Steps{"0..10 0:4", "10..20 0:1", "20..30 0:1", "30..40 0:1 1:4 2:4",
                            "40..50 0:1", "50..60 0:1"});
    CHECK(o.request(1).first_token == at_ms(40));
    CHECK(o.request(1).engine_scheduled == at_ms(30));
  }
}

TEST_CASE("async scheduling wastes a slot on an end it could not foresee, none on max_tokens") {
  Scenario s = vllm();
  s.engine().async_scheduling = true;
  SECTION("the output ends early") {
    s.send(0, 4, 2, 10);
    s.send(21, 4, 1);
    const Outcome o = run(s);
    // Step 2 was composed at 10 ms, before token 2 was known to be the last. Nothing could be
    // composed at 20 ms for step 3; the arrival at 21 ms is taken at 30 ms.
    CHECK(texts(o) == Steps{"0..10 0:4", "10..20 0:1", "20..30 0:1", "30..40 1:4"});
    CHECK(o.request(0).finish == at_ms(20));
    CHECK(o.request(0).output_tokens == 2);
    CHECK(o.request(1).finish == at_ms(40));
    CHECK(o.summary.counts.output_tokens == 3);
    CHECK(o.summary.counts.scheduled_tokens == 10);
  }
  SECTION("the output ends at max_tokens") {
    s.send(0, 4, 2, 2);
    s.send(21, 4, 1);
    const Outcome o = run(s);
    CHECK(texts(o) == Steps{"0..10 0:4", "10..20 0:1", "21..31 1:4"});
  }
  SECTION("synchronous scheduling knows in time") {
    s.engine().async_scheduling = false;
    s.send(0, 4, 2, 10);
    const Outcome o = run(s);
    CHECK(texts(o) == Steps{"0..10 0:4", "10..20 0:1"});
  }
}

TEST_CASE("what can never fit is rejected at arrival and answered") {
  Scenario s = vllm(4);  // 16 tokens
  s.send(0, 12, 4);
  s.send(1, 12, 5);
  s.send(2, 4, 2, 13);
  s.send(3, 1, 1);
  const Outcome o = run(s);
  CHECK(o.request(0).status == sim::RequestStatus::finished);
  CHECK(o.request(1).status == sim::RequestStatus::rejected);
  CHECK(o.request(2).status == sim::RequestStatus::rejected);
  CHECK(o.request(3).status == sim::RequestStatus::finished);
  CHECK(o.request(1).finish == at_ms(2));
  CHECK(o.request(1).first_token == SimTime::never());
  CHECK(o.summary.counts.rejected == 2);
  CHECK(o.summary.counts.arrived == 4);
  CHECK(o.ended.size() == 4);
}

TEST_CASE("a preempted request finds the blocks again that nobody has taken") {
  // Six blocks of 4 tokens; both requests hold 3 after the first decode. Token 13 of request 0
  // needs a fourth in step 6: request 1 goes, its last block is taken, its first two stay free.
  // When request 0 has ended with step 9, request 1 has 8 + 5 tokens to compute, 8 of which are
  // still there.
  const bool keep = GENERATE(false, true);
  Scenario s = vllm(6);
  s.engine().prefix_caching = keep;
  s.send(0, 8, 9);
  s.send(0, 8, 7);
  const Outcome o = run(s);
  const auto steps = texts(o);
  REQUIRE(steps.size() >= 10);
  CHECK(steps[5] == "50..60 0:1 !1");
  CHECK(steps[9] == (keep ? "90..100 1:5" : "90..100 1:13"));
  CHECK(o.request(1).output_tokens == 7);
  CHECK(o.summary.counts.preemptions == 1);
}

TEST_CASE("blocks that a preempted request left are lost when others take them") {
  // As above, but a third request of 2 blocks comes in the meantime: of the two kept ones none is
  // left.
  Scenario s = vllm(6);
  s.engine().prefix_caching = true;
  s.engine().max_num_seqs = 2;
  s.send(0, 8, 12);  // needs a fifth block for token 17: the last kept block but one
  s.send(0, 8, 7);
  const Outcome o = run(s);
  const auto steps = texts(o);
  // Request 0 takes one kept block more at token 17 (step 10): 4 tokens of request 1 remain.
  REQUIRE(steps.size() >= 13);
  CHECK(steps[12] == "120..130 1:9");
}
