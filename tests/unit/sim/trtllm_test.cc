// TensorRT-LLM's scheduling rules on scripts short enough to work out by hand. Steps take 10 ms.
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

const ConstantStepModel kTenMs(0.010);

Scenario trtllm(std::int64_t usable = 1000, bool chunked = false) {
  Scenario s(models::EngineKind::trtllm, kTenMs, usable, 4);
  s.engine().chunked_prefill = chunked;
  return s;
}

}  // namespace

TEST_CASE("trtllm: blocks to completion are set aside, so max_tokens decides admission") {
  Scenario s = trtllm(8);
  s.send(0, 8, 3, 16);  // 6 blocks
  s.send(0, 4, 1, 8);   // 3 blocks
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:8", "10..20 0:1", "20..30 0:1", "30..40 1:4"});
  CHECK(o.summary.counts.preemptions == 0);
  CHECK(o.sink.steps[0].record.kv_blocks_used == 2);  // set aside, not taken
}

TEST_CASE("trtllm: contexts and generations share a step, generations first") {
  Scenario s = trtllm();
  s.send(0, 8, 3);
  s.send(5, 4, 2);
  CHECK(texts(run(s)) == Steps{"0..10 0:8", "10..20 0:1 1:4", "20..30 0:1 1:1"});
}

TEST_CASE("trtllm: without chunking the first context that does not fit stops the walk") {
  Scenario s = trtllm();
  s.engine().max_num_batched_tokens = 8;
  s.send(0, 8, 3);
  s.send(0, 8, 1);
  s.send(0, 2, 1);
  CHECK(texts(run(s)) ==
        Steps{"0..10 0:8", "10..20 0:1", "20..30 0:1", "30..40 1:8", "40..50 2:2"});
}

TEST_CASE("trtllm: a context is cut to whole blocks and a later one that fits still runs") {
  Scenario s = trtllm(1000, true);
  s.engine().max_num_batched_tokens = 8;
  s.send(0, 8, 3);
  s.send(0, 8, 1);
  s.send(0, 2, 1);
  // Step 1 has 7 tokens left: 4 of request 1, and the 2 of request 2.
  CHECK(texts(run(s)) == Steps{"0..10 0:8", "10..20 0:1 1:4 2:2", "20..30 0:1 1:4"});
}

TEST_CASE("trtllm: a context that gets no tokens keeps its place in the capacity stage") {
  const std::int64_t usable = GENERATE(5, 6);
  CAPTURE(usable);
  Scenario s = trtllm(usable, true);
  s.engine().max_num_batched_tokens = 4;
  s.send(0, 4, 3);  // 2 blocks
  s.send(0, 8, 1);  // 3 blocks
  s.send(0, 2, 1);  // 1 block
  // In steps 1 and 2 three tokens are left: not a whole block for request 1, but enough for request
  // 2, if its block can be set aside beside request 1's three.
  const Outcome o = run(s);
  CHECK(texts(o)[1] == (usable == 6 ? "10..20 0:1 2:2" : "10..20 0:1"));
  CHECK(o.request(1).first_token == at_ms(50));
}

TEST_CASE("trtllm: max_batch_size bounds what is admitted") {
  Scenario s = trtllm();
  s.engine().max_num_seqs = 2;
  s.send(0, 4, 3);
  s.send(0, 4, 1);
  s.send(0, 4, 1);
  CHECK(texts(run(s)) == Steps{"0..10 0:4 1:4", "10..20 0:1 2:4", "20..30 0:1"});
}

TEST_CASE("trtllm: the overlap scheduler foresees max_tokens but not an early end") {
  Scenario s = trtllm();
  s.engine().async_scheduling = true;
  SECTION("at max_tokens") {
    s.send(0, 4, 2);
    CHECK(texts(run(s)) == Steps{"0..10 0:4", "10..20 0:1"});
  }
  SECTION("before") {
    s.send(0, 4, 2, 3);
    CHECK(texts(run(s)) == Steps{"0..10 0:4", "10..20 0:1", "20..30 0:1"});
  }
}

TEST_CASE("trtllm: what could never be admitted is rejected") {
  Scenario s = trtllm(4);
  s.engine().max_num_batched_tokens = 10;
  s.send(0, 10, 1, 6);
  s.send(100, 10, 1, 7);  // 17 tokens, 5 blocks
  s.send(200, 11, 1, 1);  // no step has room for the prompt
  const Outcome o = run(s);
  CHECK(o.request(0).status == sim::RequestStatus::finished);
  CHECK(o.request(1).status == sim::RequestStatus::rejected);
  CHECK(o.request(2).status == sim::RequestStatus::rejected);
}
