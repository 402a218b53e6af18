// SGLang's scheduling rules on scripts short enough to work out by hand. Steps take 10 ms.
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

const ConstantStepModel kTenMs(0.010);

Scenario sglang(std::int64_t usable = 1000, std::int64_t page = 1) {
  return Scenario(models::EngineKind::sglang, kTenMs, usable, page);
}

}  // namespace

TEST_CASE("sglang: a prefill batch runs alone and decodes wait for it") {
  Scenario s = sglang();
  s.send(0, 4, 5);
  s.send(15, 3, 2);
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:4", "10..20 0:1", "20..30 1:3", "30..40 0:1 1:1", "40..50 0:1",
                          "50..60 0:1"});
  CHECK(o.summary.itl.max_s() == Approx(0.020));  // request 0: tokens at 20 and 40 ms
}

TEST_CASE("sglang: one request at a time is chunked, and small ones join its last chunk") {
  Scenario s = sglang();
  s.engine().chunk_tokens = 8;
  s.send(0, 6, 2);
  s.send(0, 12, 2);
  s.send(0, 3, 1);
  const Outcome o = run(s);
  // 6 + 2 of 12; then 8 more; then the last 2, which leave 6 tokens of chunk budget for request 2.
  CHECK(texts(o) == Steps{"0..10 0:6 1:2", "10..20 1:8", "20..30 1:2 2:3", "30..40 0:1 1:1"});
  CHECK(o.request(1).first_token == at_ms(30));
  CHECK(o.sink.steps[1].record.running == 2);  // the chunked request counts
}

TEST_CASE("sglang: chunks are whole pages") {
  Scenario s = sglang(100, 4);
  s.engine().chunk_tokens = 10;
  s.send(0, 13, 1);
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:8", "10..20 0:5"});
  CHECK(o.sink.steps[1].record.kv_blocks_used == 4);
}

TEST_CASE(
    "sglang: a new request reserves its whole permitted output and blocks the batch if refused") {
  Scenario s = sglang(40);
  s.send(0, 10, 4, 20);
  s.send(0, 5, 2, 10);
  const Outcome o = run(s);
  // 10 + 20 + 1 of 40 are charged; 5 + 10 + 1 do not fit into 9. At 20 ms they would fit into
  // 29 - 0.699 * 18 = 16.4, but the batch counts as full until request 0 has finished.
  CHECK(texts(o) ==
        Steps{"0..10 0:10", "10..20 0:1", "20..30 0:1", "30..40 0:1", "40..50 1:5", "50..60 1:1"});
}

TEST_CASE("sglang: running requests reserve a share of what they may still generate") {
  Scenario s = sglang(40);
  s.send(0, 10, 8, 20);
  SECTION("16 tokens fit into 29 - 0.699 * 18 = 16.4") {
    s.send(12, 5, 1, 10);
    CHECK(texts(run(s))[2] == "20..30 1:5");
  }
  SECTION("17 do not") {
    s.send(12, 5, 1, 11);
    const Outcome o = run(s);
    CHECK(texts(o)[2] == "20..30 0:1");
    CHECK(o.request(1).engine_scheduled == at_ms(80));
  }
  SECTION("26 fit when the share has decayed to a tenth: 29 - 0.1 * 18 = 27.2") {
    s.engine().new_token_ratio_min = 0.1;
    s.engine().new_token_ratio_decay_steps = 1;
    s.send(12, 5, 1, 20);
    CHECK(texts(run(s))[2] == "20..30 1:5");
  }
  SECTION("the clip bounds what a request reserves: 5 + 9 + 1 in 29 - 0.699 * 9") {
    s.engine().clip_max_new_tokens = 9;
    s.send(12, 5, 1, 30);
    CHECK(texts(run(s))[2] == "20..30 1:5");
  }
}

TEST_CASE(
    "sglang: without pages the request with the fewest outputs is retracted to the queue's back") {
  Scenario s = sglang(30);
  s.engine().new_token_ratio_init = 0.1;
  s.engine().new_token_ratio_min = 0.1;
  s.send(0, 10, 12);
  s.send(12, 5, 11);
  s.send(95, 20, 1);
  const Outcome o = run(s);
  // 11 + 5 tokens are held at 30 ms, two more per step: 30 at 100 ms, when request 1 has 8 outputs
  // and request 0 has 9. Request 2 came at 95 ms and stands before the retracted one; its 22 tokens
  // and those of request 1 (5 + 8 + 3 + 1) fit when request 0 has finished at 130 ms, though not
  // together.
  CHECK(texts(o) == Steps{"0..10 0:10", "10..20 0:1", "20..30 1:5", "30..40 0:1 1:1",
                          "40..50 0:1 1:1", "50..60 0:1 1:1", "60..70 0:1 1:1", "70..80 0:1 1:1",
                          "80..90 0:1 1:1", "90..100 0:1 1:1", "100..110 0:1 !1", "110..120 0:1",
                          "120..130 0:1", "130..140 2:20", "140..150 1:13", "150..160 1:1",
                          "160..170 1:1"});
  CHECK(o.request(1).preemptions == 1);
  CHECK(o.sink.steps[14].record.shape.prefill_seqs == 1);
}

TEST_CASE("sglang: of equal outputs the longest prompt is retracted") {
  Scenario s = sglang(22);
  s.engine().new_token_ratio_init = 0.1;
  s.engine().new_token_ratio_min = 0.1;
  s.send(0, 6, 10);
  s.send(5, 4, 10);
  const Outcome o = run(s);
  // Both hold 10 tokens at 20 ms and 22 at 80 ms, with 7 outputs each.
  CHECK(texts(o)[8] == "80..90 1:1 !0");
  CHECK(texts(o)[11] == "110..120 0:13");
  CHECK(o.request(0).finish == at_ms(140));
}

TEST_CASE("sglang: the input budget stops a batch only once one request is in") {
  Scenario s = sglang();
  s.engine().max_num_batched_tokens = 10;
  s.engine().chunk_tokens = 0;
  s.send(0, 15, 1);
  s.send(0, 6, 1);
  s.send(0, 4, 1);
  s.send(0, 3, 1);
  const Outcome o = run(s);
  // 15 alone; 6 leaves 4, and 4 >= 4 stops; 4 leaves 6.
  CHECK(texts(o) == Steps{"0..10 0:15", "10..20 1:6", "20..30 2:4 3:3"});
}

TEST_CASE("sglang: max_running_requests bounds the decode batch") {
  Scenario s = sglang();
  s.engine().max_num_seqs = 2;
  s.send(0, 4, 3);
  s.send(0, 4, 2);
  s.send(0, 4, 1);
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:4 1:4", "10..20 0:1 1:1", "20..30 2:4", "30..40 0:1"});
}

TEST_CASE("sglang: the overlap scheduler learns every end one step late") {
  Scenario s = sglang();
  s.engine().async_scheduling = true;
  s.send(0, 4, 2);
  s.send(1, 4, 1);
  const Outcome o = run(s);
  // Step 1 is composed at 0 ms; request 1 is seen at 10 ms and runs in step 2. At 20 ms request 0
  // has ended; request 1's end at 30 ms comes too late for step 3.
  CHECK(texts(o) == Steps{"0..10 0:4", "10..20 0:1", "20..30 1:4", "30..40 1:1"});
  CHECK(o.request(0).finish == at_ms(20));
  CHECK(o.request(1).finish == at_ms(30));
}

TEST_CASE("sglang: what could wait for ever is rejected") {
  Scenario s = sglang(10, 2);
  s.send(0, 8, 8);    // 16 + 2 pages of 2 = 20
  s.send(100, 9, 8);  // 17, in pages 18
  const Outcome o = run(s);
  CHECK(o.request(0).status == sim::RequestStatus::finished);
  CHECK(o.request(1).status == sim::RequestStatus::rejected);
}

TEST_CASE("sglang: a full batch may stay closed until the decode step after an end") {
  const auto steps = [](bool until_decode) {
    Scenario s(models::EngineKind::sglang, kTenMs, 1000, 1);
    s.engine().max_num_seqs = 2;
    s.engine().sglang.full_until_decode = until_decode;
    s.send(0, 5, 2);
    s.send(0, 5, 4);
    s.send(0, 5, 1);
    return texts(run(s));
  };
  // Two requests fill the batch; the first ends at 20 ms.
  CHECK(steps(false) ==
        Steps{"0..10 0:5 1:5", "10..20 0:1 1:1", "20..30 2:5", "30..40 1:1", "40..50 1:1"});
  CHECK(steps(true) ==
        Steps{"0..10 0:5 1:5", "10..20 0:1 1:1", "20..30 1:1", "30..40 2:5", "40..50 1:1"});
}

TEST_CASE("sglang: retraction may go on until there is headroom for the rest") {
  const auto first_victims = [](bool headroom) {
    Scenario s(models::EngineKind::sglang, kTenMs, 70, 1);
    s.engine().new_token_ratio_init = s.engine().new_token_ratio_min = 0.01;
    s.engine().sglang.retract_to_headroom = headroom;
    s.send(0, 10, 20);
    s.send(5, 10, 20);
    s.send(15, 10, 20);
    const Outcome o = run(s);
    for (const auto& step : o.sink.steps)
      if (!step.preempted.empty()) return step.preempted;
    return std::vector<RequestId>{};
  };
  // Three requests of up to 30 tokens outgrow 70 pages. The last admitted has the fewest outputs
  // and goes; its pages are enough for one more step of two requests, but not for 20 tokens of
  // each.
  CHECK(first_victims(false) == std::vector<RequestId>{RequestId{2}});
  CHECK(first_victims(true) == std::vector<RequestId>{RequestId{2}, RequestId{1}});
}
