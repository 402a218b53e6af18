// Where the time of a request went that a fleet served, to the nanosecond: one step takes 10 ms.
#include "sim/explanation.h"
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

using Part = sim::TimePart;

sim::Explanation explain(const Scenario& s, std::uint64_t id) {
  const sim::RequestRecord known = run(s).request(id);
  std::vector<const models::StepModel*> steps{s.config.replica.step};
  for (const sim::FurtherPool& further : s.config.further)
    steps.push_back(further.pool.replica.step);
  sim::RequestWatch watch(known, std::move(steps));
  ScriptedLoad load(s.arrivals);
  sim::RunOptions options;
  options.sink = &watch;
  REQUIRE(sim::Simulation(s.config).run(load, options));
  const sim::Explanation e = watch.explanation();
  CHECK(e.whole.total() == known.e2e());
  CHECK(e.to_first_token.total() == known.ttft());
  return e;
}

Duration ms(double n) { return Duration::from_seconds(n / 1000); }

}  // namespace

TEST_CASE("Waiting for the first replica is a cold start, waiting for a place is the gateway",
          "[fleet][explain]") {
  const ConstantStepModel step(0.010);
  Scenario s(models::EngineKind::vllm, step);
  s.config.replicas = 0;
  s.config.admission.max_per_replica = 1;
  s.config.start.times.init = {2, 2};
  sim::ServerlessOptions one;
  one.max_containers = 1;
  s.config.autoscaler = sim::AutoscalerOptions{one, {}};
  s.send(0, 4, 3);
  s.send(0, 4, 3);
  // Decided at 1 s, ready at 3 s; the second waits 30 ms more for the first.
  const sim::Explanation first = explain(s, 0), second = explain(s, 1);
  CHECK(first.whole[Part::cold_start] == ms(3000));
  CHECK(first.whole[Part::gateway] == Duration{});
  CHECK(second.whole[Part::cold_start] == ms(3000));
  CHECK(second.whole[Part::gateway] == ms(30));
  CHECK(second.whole[Part::decode] == ms(20));
  CHECK(second.whole[Part::prefill_own] == ms(10));
}

TEST_CASE("An attempt that died with its replica is a retry in whole", "[fleet][explain]") {
  const ConstantStepModel step(0.010);
  Scenario s(models::EngineKind::vllm, step);
  s.config.replicas = 2;
  s.config.faults.outages = {{sim::FaultKind::gpu, 0, at_ms(35), {}}};
  s.config.faults.detection = ms(100);
  s.config.faults.retry_delay = ms(7);
  s.send(0, 4, 5);
  // Dies after three steps and a half, noticed at 135 ms, sent again at 142 ms: 50 ms of work.
  const sim::Explanation e = explain(s, 0);
  CHECK(e.whole[Part::retry] == ms(142));
  CHECK(e.whole[Part::prefill_own] == ms(10));
  CHECK(e.whole[Part::decode] == ms(40));
  CHECK(e.whole.total() == ms(192));
}

TEST_CASE("KV that moves is a transfer, before the first token or after it", "[fleet][explain]") {
  const ConstantStepModel prompts(0.010), decodes(0.004);
  for (const bool early : {false, true}) {
    Scenario s(early ? models::EngineKind::sglang : models::EngineKind::vllm, decodes, 1000,
               early ? 1 : 16);
    sim::FurtherPool further{s.config, {}};
    further.pool.replica.step = &prompts;
    s.config.further.push_back(further);
    models::ClusterSpec spec;
    spec.gpus_per_node = 1;
    spec.scale_up_bytes_per_s = spec.pcie_bytes_per_s = 1e12;
    spec.nics_per_node = 1;
    spec.nic_bytes_per_s = 6400;  // 64 bytes, 16 tokens of 4, take 10 ms
    auto cluster = models::Cluster::build(spec, 2);
    REQUIRE(cluster);
    sim::Disaggregation how;
    how.llm.layers = how.llm.heads = how.llm.kv_heads = how.llm.head_dim = how.llm.hidden = 1;
    how.llm.groups.emplace_back().count = 1;
    how.cluster = std::make_shared<const models::Cluster>(std::move(*cluster));
    how.prefill_gpu = 1;
    how.first_from_prefill = early;
    s.config.disaggregation = how;
    s.send(0, 16, 3);
    const sim::Explanation e = explain(s, 0);
    const sim::TimeParts& column = early ? e.after : e.to_first_token;
    CHECK(column[Part::transfer].seconds() == Approx(0.010).epsilon(1e-6));
    CHECK(e.whole[Part::transfer] == column[Part::transfer]);
    CHECK(e.whole[Part::prefill_own] == ms(10));
    CHECK(e.whole[Part::decode] == ms(early ? 8 : 12));
  }
}
