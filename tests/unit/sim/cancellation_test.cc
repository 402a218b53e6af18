// Clients that give up, on scripts short enough to work out by hand. Steps take 10 ms. The rules:
// at its timeout a client hangs up and counts as gone; the engine hears of it between two steps, so
// that a waiting request leaves at once and a running one with the step in flight; its KV is free
// from then on, and what a prefix cache knows of it stays known.
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

const ConstantStepModel kTenMs(0.010);

Scenario engine(models::EngineKind kind, std::int64_t usable = 1000, std::int64_t block = 4) {
  return Scenario(kind, kTenMs, usable, block);
}
Scenario vllm() { return engine(models::EngineKind::vllm); }

// The last request sent waits so long.
void patience(Scenario& s, double ms) {
  s.arrivals.back().timeout = Duration::from_seconds(ms * 1e-3);
}

void check_cancelled(const Outcome& o, std::uint64_t id, double gave_up_ms, double left_ms,
                     std::int32_t tokens) {
  const sim::RequestRecord& r = o.request(id);
  CHECK(r.status == sim::RequestStatus::cancelled);
  CHECK(r.finish == at_ms(gave_up_ms));
  CHECK(r.engine_finish == at_ms(left_ms));
  CHECK(r.output_tokens == tokens);
}

}  // namespace

TEST_CASE("a waiting request leaves the queue when its client gives up") {
  Scenario s = vllm();
  s.engine().max_num_seqs = 1;
  s.send(0, 4, 5);
  s.send(0, 4, 2);
  patience(s, 15);
  s.send(0, 4, 1);
  const Outcome o = run(s);
  CHECK(texts(o) ==
        Steps{"0..10 0:4", "10..20 0:1", "20..30 0:1", "30..40 0:1", "40..50 0:1", "50..60 2:4"});
  check_cancelled(o, 1, 15, 15, 0);
  CHECK(o.request(1).engine_scheduled == SimTime::never());
  CHECK(o.sink.steps[2].record.waiting == 1);  // request 2 alone
  CHECK(o.summary.counts.finished == 2);
  CHECK(o.summary.counts.cancelled == 1);
  CHECK(o.summary.counts.wasted_output_tokens == 0);
  CHECK(o.ended.front() == std::pair{RequestId{1}, at_ms(15)});
}

TEST_CASE("a prompt in the middle of its chunks is dropped after the one in flight") {
  Scenario s = vllm();
  s.engine().max_num_batched_tokens = 4;
  s.send(0, 12, 1);
  patience(s, 12);
  s.send(0, 4, 1);
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:4", "10..20 0:4", "20..30 1:4"});
  check_cancelled(o, 0, 12, 20, 0);
  CHECK(o.sink.steps[2].record.kv_blocks_used == 1);  // request 0's two blocks are free
}

TEST_CASE("a decoding request ends with the step in flight, and its tokens were for nothing") {
  Scenario s = vllm();
  s.send(0, 4, 10);
  patience(s, 25);
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:4", "10..20 0:1", "20..30 0:1"});
  check_cancelled(o, 0, 25, 30, 3);
  CHECK(o.request(0).first_token == at_ms(10));
  CHECK(o.summary.counts.wasted_output_tokens == 3);
  CHECK(o.summary.counts.output_tokens == 0);
  CHECK(o.summary.itl.count() == 1);  // the token at 30 reaches nobody
  CHECK(o.summary.e2e.count() == 0);
}

TEST_CASE("under asynchronous scheduling the step composed ahead is wasted on it") {
  Scenario s = vllm();
  s.engine().async_scheduling = true;
  s.send(0, 4, 10);
  patience(s, 25);
  s.send(26, 4, 1);
  const Outcome o = run(s);
  // The step of 30 to 40 is composed at 20. At 25 the engine waits for the results of the one
  // before, at 30; request 1, visible at 26, is in the next step that is composed, then.
  CHECK(texts(o) == Steps{"0..10 0:4", "10..20 0:1", "20..30 0:1", "30..40 0:1", "40..50 1:4"});
  check_cancelled(o, 0, 25, 30, 3);
  CHECK(o.request(1).finish == at_ms(50));
}

TEST_CASE("a last token at the timeout itself is in time") {
  for (const double ms : {30.0, 29.999}) {
    CAPTURE(ms);
    Scenario s = vllm();
    s.send(0, 4, 3);  // tokens at 10, 20 and 30
    patience(s, ms);
    const Outcome o = run(s);
    CHECK(o.summary.counts.finished == (ms == 30.0 ? 1 : 0));
    CHECK(o.summary.counts.cancelled == (ms == 30.0 ? 0 : 1));
    CHECK(o.summary.counts.wasted_output_tokens == (ms == 30.0 ? 0 : 3));
  }
}

TEST_CASE("a timeout on the first token lets go of none that has one") {
  Scenario s = vllm();
  s.engine().max_num_seqs = 1;
  s.config.timeout_on = sim::TimeoutOn::ttft;
  s.config.client_timeout = Duration::from_seconds(0.015);
  s.send(0, 4, 5);
  s.send(0, 4, 1);
  s.send(0, 4, 1);
  patience(s, 100);  // its own goes before the common one
  const Outcome o = run(s);
  CHECK(o.request(0).finish == at_ms(50));
  check_cancelled(o, 1, 15, 15, 0);
  CHECK(o.request(2).finish == at_ms(60));
}

TEST_CASE("sglang: a chunked request that is dropped lets the next one be chunked") {
  Scenario s = engine(models::EngineKind::sglang, 1000, 1);
  s.engine().chunk_tokens = 4;
  s.send(0, 12, 1);
  patience(s, 12);
  s.send(0, 8, 1);
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:4", "10..20 0:4", "20..30 1:4", "30..40 1:4"});
  check_cancelled(o, 0, 12, 20, 0);
}

TEST_CASE("sglang: the batch is not full any more when a running request is dropped") {
  Scenario s = engine(models::EngineKind::sglang, 40, 1);
  s.send(0, 10, 4, 20);
  patience(s, 15);
  s.send(0, 5, 1, 10);
  const Outcome o = run(s);
  // 10 + 20 + 1 of 40 are charged and 5 + 10 + 1 refused; request 0 goes at 20.
  CHECK(texts(o) == Steps{"0..10 0:10", "10..20 0:1", "20..30 1:5"});
  check_cancelled(o, 0, 15, 20, 2);
}

TEST_CASE("trtllm: the blocks set aside to completion are given back") {
  Scenario s = engine(models::EngineKind::trtllm, 8);
  s.send(0, 8, 10, 16);  // 6 blocks
  patience(s, 12);
  s.send(0, 4, 1, 8);    // 3 blocks
  s.send(0, 20, 1, 12);  // 8: all there are, so everything must have come back
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:8", "10..20 0:1", "20..30 1:4", "30..40 2:20"});
  check_cancelled(o, 0, 12, 20, 2);
}

TEST_CASE("trtllm: one that waits under GUARANTEED_NO_EVICT has set nothing aside") {
  Scenario s = engine(models::EngineKind::trtllm, 8);
  s.send(0, 8, 3, 16);  // 6 blocks
  s.send(0, 8, 1, 8);   // 4 blocks: waits
  patience(s, 12);
  s.send(0, 8, 1, 8);
  s.send(0, 8, 1, 8);
  const Outcome o = run(s);
  // From 30 on there are 8: request 2 and 3 take 4 each.
  CHECK(texts(o) == Steps{"0..10 0:8", "10..20 0:1", "20..30 0:1", "30..40 2:8 3:8"});
  check_cancelled(o, 1, 12, 12, 0);
}

TEST_CASE("llama.cpp: the slot of a request that is dropped is free") {
  Scenario s = engine(models::EngineKind::llamacpp, 100, 1);
  s.engine().max_num_seqs = 1;
  s.send(0, 3, 10);
  patience(s, 12);
  s.send(0, 3, 1);
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:3", "10..20 0:1", "20..30 1:3"});
  check_cancelled(o, 0, 12, 20, 2);
}

TEST_CASE("the prefix of a request that was dropped can still be found") {
  const auto kind =
      GENERATE(models::EngineKind::vllm, models::EngineKind::sglang, models::EngineKind::trtllm);
  Scenario s = engine(kind);
  s.engine().prefix_caching = true;
  s.hash_tokens = 4;
  s.send_named(0, {1, 2, 3}, 12, 10);
  patience(s, 15);
  s.send_named(50, {1, 2, 3}, 12, 1);  // 11 tokens may be found: two blocks
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:12", "10..20 0:1", "50..60 1:4"});
  CHECK(o.request(1).cached_tokens == 8);
}

TEST_CASE("the server hears of a client's end as late as of its request") {
  Scenario s = vllm();
  s.config.replica.front_end.client_in_s = 0.004;
  s.send(0, 4, 10);
  patience(s, 12);
  const Outcome o = run(s);
  // Gone at 12, which the server sees at 16, in the step that ends at 24.
  CHECK(texts(o) == Steps{"4..14 0:4", "14..24 0:1"});
  check_cancelled(o, 0, 12, 24, 2);
  CHECK(o.request(0).first_token == SimTime::never());  // at 14 nobody took it
}

TEST_CASE("a request whose client goes before the scheduler sees it is never scheduled") {
  Scenario s = vllm();
  s.config.replica.front_end.client_in_s = 0.004;
  s.config.replica.front_end.request_s = 0.010;
  s.send(0, 4, 10);
  patience(s, 5);  // heard of at 9, visible at 14
  const Outcome o = run(s);
  CHECK(texts(o).empty());
  CHECK(o.request(0).status == sim::RequestStatus::cancelled);
  CHECK(o.request(0).engine_queued == SimTime::never());
  CHECK(o.ended == std::vector<std::pair<RequestId, SimTime>>{{RequestId{0}, at_ms(5)}});
}

TEST_CASE("an answer that is on its way when the client gives up is wasted") {
  Scenario s = vllm();
  s.config.replica.front_end.client_out_s = 0.010;
  s.send(0, 4, 1);  // leaves at 10, is there at 20
  patience(s, 15);
  const Outcome o = run(s);
  check_cancelled(o, 0, 15, 10, 1);
  CHECK(o.summary.counts.wasted_output_tokens == 1);
  CHECK(o.summary.busy_share == Approx(10.0 / 15));  // the run ends at 15
}

TEST_CASE("a timeout that nobody reaches changes nothing and does not lengthen the run") {
  Scenario s = vllm();
  s.send(0, 4, 3);
  s.send(7, 9, 2);
  const Outcome without = run(s);
  s.config.client_timeout = Duration::from_seconds(100);
  const Outcome with = run(s);
  CHECK(with.summary.digest == without.summary.digest);
  CHECK(with.summary.busy_share == without.summary.busy_share);
  CHECK(with.summary.mean_in_system == without.summary.mean_in_system);
  CHECK(with.summary.counts.events == without.summary.counts.events);
  CHECK(with.summary.timeouts);
  CHECK_FALSE(without.summary.timeouts);
}

TEST_CASE("at the horizon a request whose client has gone counts as cancelled") {
  Scenario s = vllm();
  s.config.horizon = at_ms(27);
  s.send(0, 4, 10);
  patience(s, 25);
  s.send(0, 4, 10);
  const Outcome o = run(s);
  CHECK(o.summary.counts.cancelled == 1);
  CHECK(o.summary.counts.unfinished == 1);
  CHECK(o.request(0).status == sim::RequestStatus::cancelled);
  CHECK(o.request(0).output_tokens == 2);
}

TEST_CASE("a cancelled request is beyond any limit of an objective") {
  Scenario s = vllm();
  for (int i = 0; i < 20; ++i) s.send(100.0 * i, 4, 1);  // TTFT 10 ms each
  s.send(1901, 4, 1);  // waits for the step of the last one: 19 ms
  s.send(3000, 4, 100);
  patience(s, 25);
  s.options.slos = *sim::parse_slos("p95_ttft=12ms,p50_ttft=12ms");
  // Of the 21 finished the 95th percentile is the 20th, 10 ms. Of all 22 it lies at rank 19.95,
  // 95 % of the way from 10 to 19 ms.
  const Outcome o = run(s);
  CHECK(o.summary.counts.finished == 21);
  CHECK_FALSE(o.summary.slos[0].met);
  CHECK(o.summary.slos[0].measured_s == Approx(0.01855));
  CHECK(o.summary.slos[1].met);
  CHECK(o.summary.goodput_share == Approx(20.0 / 22));
}
