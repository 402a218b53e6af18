// Data-parallel ranks on scripts short enough to work out by hand. Steps take 10 ms unless stated;
// those of a step are in the order of the ranks.
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;
using models::EngineKind;

namespace {

const ConstantStepModel kTenMs(0.010);

Scenario with_ranks(EngineKind kind, int ranks, std::int64_t usable = 1000) {
  Scenario s(kind, kTenMs, usable);
  s.config.replica.ranks = ranks;
  return s;
}

// A step takes what its most tokens on one of `ranks` ranks take, 1 ms each.
class RankStepModel final : public models::StepModel {
 public:
  explicit RankStepModel(int ranks) : ranks_(ranks) {}
  [[nodiscard]] double seconds(const models::BatchShape& shape) const noexcept override {
    return 1e-3 * static_cast<double>(shape.tokens()) / ranks_;
  }
  [[nodiscard]] int ranks() const noexcept override { return ranks_; }
  [[nodiscard]] models::StepBreakdown explain(const models::BatchShape&) const override {
    return {};
  }

 private:
  int ranks_;
};

}  // namespace

TEST_CASE("SGLang's ranks take requests in turn; one prefills while the other decodes") {
  Scenario s = with_ranks(EngineKind::sglang, 2);
  s.send(0, 5, 3);
  s.send(5, 3, 3);
  s.send(15, 4, 2);
  const Outcome o = run(s);
  // Requests 0 and 2 are on rank 0. At 10 ms rank 1 prefills request 1 and rank 0 decodes, which
  // one scheduler would not do in one step; at 20 ms rank 0 prefills alone, and its request 0
  // stalls.
  CHECK(texts(o) == Steps{"0..10 0:5", "10..20 0:1 1:3", "20..30 2:4 1:1", "30..40 0:1 2:1 1:1"});
}

TEST_CASE("vLLM's ranks have a budget and blocks each, and the least loaded takes a request") {
  Scenario s = with_ranks(EngineKind::vllm, 2, 4);
  s.engine().max_num_batched_tokens = 8;
  s.send(0, 7, 6);
  s.send(0, 7, 6);
  s.send(70, 8, 1);
  const Outcome o = run(s);
  // Each has 4 blocks of 4: what would preempt one of the two on one rank does not here. 4 x
  // waiting + running: request 0 is on rank 0, request 1 on rank 1.
  CHECK(texts(o) == Steps{"0..10 0:7 1:7", "10..20 0:1 1:1", "20..30 0:1 1:1", "30..40 0:1 1:1",
                          "40..50 0:1 1:1", "50..60 0:1 1:1", "70..80 2:8"});
  CHECK(o.summary.counts.preemptions == 0);
  CHECK(o.sink.steps[2].record.kv_blocks_used == 6);  // 9 tokens each
  CHECK(o.summary.peak_kv_used == 0.75);              // of the fuller rank: 12 tokens in 3 blocks
}

TEST_CASE("a request goes past a busy rank to an idle one") {
  const EngineKind kind = GENERATE(EngineKind::vllm, EngineKind::trtllm);
  CAPTURE(static_cast<int>(kind));
  Scenario s = with_ranks(kind, 2);
  s.engine().max_num_batched_tokens = 8;
  s.send(0, 4, 5);
  s.send(0, 4, 1);
  s.send(15, 8, 1);
  const Outcome o = run(s);
  // On rank 0 the budget of 8 would have had no room for 8 tokens beside request 0's decode.
  CHECK(texts(o) ==
        Steps{"0..10 0:4 1:4", "10..20 0:1", "20..30 0:1 2:8", "30..40 0:1", "40..50 0:1"});
}

TEST_CASE("ranks wait for the slowest; decodes are padded to it, and experts see all tokens") {
  const int ranks = GENERATE(1, 2);  // that the model prices: a shape is one rank's, or two alike
  const RankStepModel step(ranks);
  Scenario s(EngineKind::sglang, step);
  s.config.replica.ranks = 2;
  s.send(0, 10, 2);
  s.send(0, 3, 2);
  s.send(0, 4, 2);
  const Outcome o = run(s);
  // Prompts: 14 tokens on rank 0, 3 on rank 1. A model of one rank says 14 ms of the slowest; one
  // whose experts are common sees 17 tokens on two ranks. Then 2 decodes and 1, padded to 2.
  if (ranks == 1)
    CHECK(texts(o) == Steps{"0..14 0:10 2:4 1:3", "14..16 0:1 2:1 1:1"});
  else
    CHECK(texts(o) == Steps{"0..8.5 0:10 2:4 1:3", "8.5..10.5 0:1 2:1 1:1"});
}

TEST_CASE("one rank is none") {
  Scenario s = with_ranks(EngineKind::vllm, 1);
  for (int i = 0; i < 20; ++i) s.send(i, 10, 20);
  const Outcome one = run(s);
  s.config.replica.ranks = 2;
  const Outcome two = run(s);
  s.config.replica.ranks = 1;
  CHECK(run(s).summary.digest == one.summary.digest);
  CHECK(two.summary.digest != one.summary.digest);
}

TEST_CASE("a prefix is found on its own rank only") {
  Scenario s = with_ranks(EngineKind::sglang, 2);
  s.engine().prefix_caching = true;
  s.hash_tokens = 4;
  s.send_named(0, {1, 2, 3}, 12, 2);
  s.send_named(100, {1, 2, 3}, 12, 2);
  s.send_named(200, {1, 2, 3}, 12, 2);
  // In turn: rank 0, rank 1, rank 0. Of 12 tokens floor(11 / 4) pages can be found.
  CHECK(cached(run(s)) == Cached{0, 0, 8});
}

TEST_CASE("llama.cpp has no ranks") {
  Scenario s = with_ranks(EngineKind::llamacpp, 2);
  s.send(0, 1, 1);
  ScriptedLoad load(s.arrivals);
  const auto run = sim::Simulation(s.config).run(load, {});
  REQUIRE_FALSE(run);
  CHECK(run.error().what == "llama.cpp has no data-parallel ranks");
}
