// Several pools, and separate prefill and decode workers: one step takes 10 ms.
#include <memory>

#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

// Nodes of one GPU; a card carries 6,400 bytes/s.
std::shared_ptr<const models::Cluster> slow_cluster(int nodes) {
  models::ClusterSpec spec;
  spec.name = "slow";
  spec.gpus_per_node = 1;
  spec.scale_up_bytes_per_s = 1e12;
  spec.nics_per_node = 1;
  spec.nic_bytes_per_s = 6400;
  spec.pcie_bytes_per_s = 1e12;
  auto built = models::Cluster::build(spec, nodes);
  REQUIRE(built);
  return std::make_shared<const models::Cluster>(std::move(*built));
}

// One layer of one head of one element: 4 bytes a token in BF16, 64 a block of 16.
models::LlmSpec small_llm() {
  models::LlmSpec llm;
  llm.layers = 1;
  llm.heads = 1;
  llm.kv_heads = 1;
  llm.head_dim = 1;
  llm.hidden = 1;
  llm.groups.emplace_back().count = 1;
  return llm;
}

struct Split {
  ConstantStepModel step{0.010};
  Scenario s;

  explicit Split(models::EngineKind kind, int prefill = 1, int decode = 1)
      : s(kind, step, 1000, kind == models::EngineKind::sglang ? 1 : 16) {
    s.config.replicas = decode;
    sim::FurtherPool further{s.config, {}};
    further.pool.name = "prefill";
    further.pool.replicas = prefill;
    s.config.further.push_back(further);
    sim::Disaggregation how;
    how.llm = small_llm();
    how.cluster = slow_cluster(prefill + decode);
    how.prefill_gpu = decode;
    s.config.disaggregation = how;
  }
  sim::Disaggregation& how() { return *s.config.disaggregation; }
};

}  // namespace

TEST_CASE("The decode worker pulls the KV and computes the first token itself", "[fleet][disagg]") {
  Split f(models::EngineKind::vllm);
  f.s.send(0, 16, 3);
  const Outcome o = run(f.s);
  // Prompt 0..10 ms; 64 bytes take 10 ms; then three tokens.
  const sim::RequestRecord& r = o.request(0);
  CHECK(o.summary.fleet->transfer_time.max_s() == Approx(0.010).epsilon(1e-6));
  CHECK(r.first_token.seconds() == Approx(0.030).epsilon(1e-6));
  CHECK(r.finish.seconds() == Approx(0.050).epsilon(1e-6));
  CHECK(r.output_tokens == 3);
  CHECK(o.summary.fleet->handed_over == 1);
  CHECK(o.summary.fleet->moved_bytes == 64);
  CHECK(index(r.replica) == 0);
}

TEST_CASE("KV moves when the decode worker has blocks for it", "[fleet][disagg]") {
  Split f(models::EngineKind::vllm);
  f.s.config.replica.kv.blocks = 4;
  f.s.config.replica.kv.usable_blocks = 3;
  f.s.send(0, 32, 2);
  f.s.send(0, 32, 2);
  // Both prompts 0..10 ms, two blocks each: the second request's are free when the first has ended.
  // Its 128 bytes take 20 ms alone: 10..30, then two tokens; the second one's move from 50 on.
  const Outcome o = run(f.s);
  CHECK(o.request(0).finish.seconds() == Approx(0.050).epsilon(1e-6));
  CHECK(o.request(1).first_token.seconds() == Approx(0.080).epsilon(1e-6));
  CHECK(o.request(1).finish.seconds() == Approx(0.090).epsilon(1e-6));
  CHECK(o.summary.fleet->transfer_time.max_s() == Approx(0.060).epsilon(1e-6));
  // Else both move at once, 10..50, at half the rate, and the second one waits with its KV in hand.
  f.how().takes_ahead = false;
  const Outcome at_admission = run(f.s);
  CHECK(at_admission.request(0).finish.seconds() == Approx(0.070).epsilon(1e-6));
  CHECK(at_admission.request(1).finish.seconds() == Approx(0.090).epsilon(1e-6));
  CHECK(at_admission.summary.fleet->transfer_time.max_s() == Approx(0.040).epsilon(1e-6));
}

TEST_CASE("SGLang's decode worker keeps room for outputs of what is on its way",
          "[fleet][disagg]") {
  const auto second_finishes = [](std::int64_t pages) {
    Split f(models::EngineKind::sglang);
    f.how().first_from_prefill = true;
    f.s.config.replica.kv.blocks = f.s.config.replica.kv.usable_blocks = pages;
    f.s.send(0, 16, 3);
    f.s.send(0, 16, 3);
    return run(f.s).request(1).finish.seconds();
  };
  // Prompt and first token are 17 pages, at most two outputs come; with those of the first request,
  // on its way, the second needs 21 of what the first left. Together they move 10..30 ms; two
  // steps.
  CHECK(second_finishes(38) == Approx(0.050).epsilon(1e-6));
  // One page less: the first moves 10..20 and ends at 40, the second 40..50, and ends at 70.
  CHECK(second_finishes(37) == Approx(0.070).epsilon(1e-6));
}

TEST_CASE("The first token of a prefill worker that pushes is the client's", "[fleet][disagg]") {
  Split f(models::EngineKind::sglang);
  f.how().flow = sim::Disaggregation::Flow::push;
  f.how().first_from_prefill = true;
  f.s.send(0, 16, 3);
  f.s.send(100, 16, 1);
  const Outcome o = run(f.s);
  // Prompt and first token at 10 ms; one chunk, so nothing was pushed before; two more tokens.
  CHECK(o.request(0).first_token == at_ms(10));
  CHECK(o.request(0).finish.seconds() == Approx(0.040).epsilon(1e-6));
  CHECK(o.request(0).output_tokens == 3);
  CHECK(o.request(1).finish == at_ms(110));  // nothing is left to decode
  CHECK(o.summary.fleet->handed_over == 1);
  CHECK(o.summary.itl.count() == 2);
  CHECK(o.summary.itl.max_s() == Approx(0.020).epsilon(1e-6));
}

TEST_CASE("What is pushed while the prompt is computed need not move afterwards",
          "[fleet][disagg]") {
  Split f(models::EngineKind::sglang);
  f.how().flow = sim::Disaggregation::Flow::push;
  f.how().first_from_prefill = true;
  auto& prefill = f.s.config.further[0].pool.replica.engine;
  prefill.max_num_batched_tokens = prefill.chunk_tokens = 8;  // 16 tokens in two steps
  f.s.send(0, 16, 2);
  const Outcome o = run(f.s);
  // First token at 20 ms; the first half, 32 bytes or 5 ms, moved beside the second step.
  CHECK(o.request(0).first_token == at_ms(20));
  CHECK(o.summary.fleet->transfer_time.max_s() == Approx(0.005).epsilon(1e-6));
}

TEST_CASE("Concurrent transfers to one worker share its card", "[fleet][disagg]") {
  Split f(models::EngineKind::vllm, 2, 1);
  f.s.send(0, 16, 1);
  f.s.send(0, 16, 1);
  const Outcome o = run(f.s);
  CHECK(o.summary.fleet->transfer_time.max_s() == Approx(0.020).epsilon(1e-6));
}

TEST_CASE("A prefill worker keeps the KV until it has been read", "[fleet][disagg]") {
  Split f(models::EngineKind::vllm);
  auto& kv = f.s.config.further[0].pool.replica.kv;
  kv.usable_blocks = 3;
  kv.blocks = 4;
  f.s.send(0, 31, 1);  // two blocks
  f.s.send(0, 31, 1);
  const Outcome o = run(f.s);
  // 10 ms, 20 ms of transfer, 10 ms; the second prompt has no blocks before 30 ms.
  CHECK(o.request(0).first_token.seconds() == Approx(0.040).epsilon(1e-6));
  CHECK(o.request(1).first_token.seconds() == Approx(0.070).epsilon(1e-6));
  kv.usable_blocks = 5;
  kv.blocks = 6;
  // With room for both they are computed together, and their KV shares the card.
  CHECK(run(f.s).request(1).first_token.seconds() == Approx(0.060).epsilon(1e-6));
}

TEST_CASE("A prefill worker that drains stays until its KV has been read", "[fleet][disagg]") {
  Split f(models::EngineKind::vllm);
  f.s.config.further[0].pool.autoscaler = sim::AutoscalerOptions{
      sim::ScheduledOptions{{{Duration{0}, 1}, {Duration{12'000'000}, 0}}, {}}, {}};
  f.s.send(0, 16, 2);
  const Outcome o = run(f.s);
  CHECK(o.request(0).retries == 0);
  CHECK(o.request(0).first_token.seconds() == Approx(0.030).epsilon(1e-6));
  CHECK(o.summary.fleet->pools.at(1).drained == 1);
}

TEST_CASE("Short prompts stay where they decode", "[fleet][disagg]") {
  Split f(models::EngineKind::vllm);
  f.how().local_prompt = 15;
  f.s.send(0, 15, 2);
  f.s.send(0, 16, 2);
  const Outcome o = run(f.s);
  CHECK(o.request(0).first_token == at_ms(10));
  CHECK(o.summary.fleet->handed_over == 1);
}

TEST_CASE("Prompts are computed where they decode until a prefill worker serves",
          "[fleet][disagg]") {
  Split f(models::EngineKind::vllm);
  f.s.config.further[0].pool.replicas = 0;
  f.s.config.further[0].pool.start.times.init = {5, 5};
  f.s.config.further[0].pool.autoscaler =
      sim::AutoscalerOptions{sim::ScheduledOptions{{{Duration{1'000'000'000}, 1}}, {}}, {}};
  f.s.send(2000, 16, 2);
  f.s.send(8000, 16, 2);
  const Outcome o = run(f.s);
  CHECK(o.request(0).first_token == at_ms(2010));
  CHECK(o.summary.fleet->handed_over == 1);
}

TEST_CASE("KV of a prefill worker that dies is computed again", "[fleet][disagg]") {
  Split f(models::EngineKind::vllm);
  f.s.config.further[0].pool.faults.outages = {{sim::FaultKind::gpu, 0, at_ms(15), {}}};
  f.s.send(0, 16, 2);
  const Outcome o = run(f.s);
  // It dies in the middle of the transfer; the end of the transfer shows it, a new worker is there.
  const sim::RequestRecord& r = o.request(0);
  CHECK(r.retries == 1);
  CHECK(r.first_token.seconds() == Approx(0.020 + 0.010 + 0.010 + 0.010).epsilon(1e-6));
}

TEST_CASE("Pools take requests by length, the last what nobody else does", "[fleet][pools]") {
  const ConstantStepModel step(0.010), slow(0.040);
  Scenario s(models::EngineKind::vllm, step);
  s.config.rule.max_prompt = 20;
  sim::FurtherPool further{s.config, {}};
  further.pool.name = "long";
  further.pool.replica.step = &slow;
  further.rule.min_prompt = 50;
  s.config.further.push_back(further);
  for (const int prompt : {10, 20, 21, 60}) s.send(0, prompt, 1);
  const Outcome o = run(s);
  CHECK(index(o.request(0).replica) == 0);
  CHECK(index(o.request(1).replica) == 0);
  CHECK(index(o.request(2).replica) == 1);
  CHECK(index(o.request(3).replica) == 1);
  CHECK(o.request(3).finish == at_ms(40));
  CHECK(o.summary.fleet->pools.size() == 2);
}

TEST_CASE("A pool above its limit spills over to the next", "[fleet][pools]") {
  const ConstantStepModel step(0.010);
  Scenario s(models::EngineKind::vllm, step);
  s.config.rule.spill_above = 2;
  s.config.further.push_back({s.config, {}});
  for (int i = 0; i < 4; ++i) s.send(0, 10, 5);
  const Outcome o = run(s);
  CHECK(index(o.request(1).replica) == 0);
  CHECK(index(o.request(2).replica) == 1);
  CHECK(index(o.request(3).replica) == 1);
}

TEST_CASE("Pools take classes", "[fleet][pools]") {
  const ConstantStepModel step(0.010);
  Scenario s(models::EngineKind::vllm, step);
  s.classes = {"chat", "batch"};
  s.config.rule.classes = {"batch"};
  s.config.further.push_back({s.config, {}});
  for (int i = 0; i < 4; ++i) {
    s.send(0, 10, 5);
    s.arrivals.back().request_class = i % 2 == 0 ? 0 : 1;
  }
  const Outcome o = run(s);
  for (std::uint64_t i = 0; i < 4; ++i) CHECK(index(o.request(i).replica) == (i % 2 == 0 ? 1 : 0));
}
