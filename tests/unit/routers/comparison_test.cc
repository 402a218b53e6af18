// Routers in small simulations with prefix caching.
#include "sim/router.h"
#include "tests/support/scenario.h"
#include "workload/sessions.h"

using namespace eph;
using namespace eph::test;
using sim::RouterKind;

namespace {

sim::SimulationConfig fleet(RouterKind kind, const models::StepModel& step) {
  Scenario s(models::EngineKind::vllm, step, 3000, 16);
  s.config.replicas = 4;
  s.config.router = kind;
  s.config.routing.staleness = sim::default_staleness(kind);
  s.engine().prefix_caching = true;
  return s.config;
}

// 64 conversations at once, of 8 turns, behind one of 16 shared prompts of 512 tokens. At its end
// each has 2,240 tokens, 140 blocks: a replica's KV holds 21 of them.
sim::RunSummary talk(RouterKind kind) {
  const LinearStepModel step(0.005, 20e-6, 50e-6);
  workload::SessionConfig config;
  config.turns = 8;
  config.first = {workload::FixedLength{256}, workload::FixedLength{128}};
  config.user = workload::FixedLength{64};
  config.think_time = Duration::from_seconds(5);
  config.shared_tokens = 512;
  config.groups = 16;
  config.concurrency = 64;
  config.requests = 3000;
  auto load = workload::make_sessions(config);
  REQUIRE(load);
  auto summary = sim::Simulation(fleet(kind, step)).run(**load, {});
  REQUIRE(summary);
  return *std::move(summary);
}

struct Fleet {
  ConstantStepModel step{0.010};
  Scenario s{models::EngineKind::vllm, step, 1000, 16};

  explicit Fleet(RouterKind kind) {
    s.config = fleet(kind, step);
    s.config.replicas = 2;
  }
};

std::vector<std::uint32_t> replicas(const Outcome& o) {
  std::vector<std::uint32_t> out(o.sink.requests.size());
  for (const auto& r : o.sink.requests) out[index(r.id)] = index(r.replica);
  return out;
}

using Replicas = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("Routers that know of caches find more in them than round robin", "[routers]") {
  const double blind = talk(RouterKind::round_robin).counts.hit_rate();
  INFO("round robin " << blind);
  for (const RouterKind kind : {RouterKind::cache_aware, RouterKind::llm_d, RouterKind::dynamo_kv,
                                RouterKind::session_affinity, RouterKind::prefix_hash}) {
    const sim::RunSummary s = talk(kind);
    UNSCOPED_INFO(static_cast<int>(kind) << ": " << s.counts.hit_rate());
    CHECK(s.counts.hit_rate() > blind + 0.05);
    CHECK(s.digest == talk(kind).digest);
  }
}

TEST_CASE("A conversation stays with its replica until that dies", "[routers][faults]") {
  for (const RouterKind kind :
       {RouterKind::cache_aware, RouterKind::llm_d, RouterKind::dynamo_kv}) {
    INFO(static_cast<int>(kind));
    Fleet f(kind);
    f.s.send_turn(0, 1, 640, 2);
    f.s.send_turn(1000, 1, 704, 2);
    f.s.send_turn(3000, 1, 768, 2);  // elsewhere: the first replica died at 2 s
    f.s.send_turn(9000, 1, 832, 2);  // it is back, with nothing
    const auto first = [&] { return replicas(run(f.s)).at(0); }();
    f.s.config.faults.outages = {{sim::FaultKind::gpu, first, at_ms(2000), {}}};
    f.s.config.start.times.init = {5, 5};
    const Outcome o = run(f.s);
    const std::uint32_t second = 1 - first;
    CHECK(replicas(o) == Replicas{first, first, second, second});
    CHECK(cached(o) == Cached{0, 640, 0, 768});
  }
}

TEST_CASE("Dynamo's prefill charge ends with the first token", "[routers][dynamo]") {
  Fleet f(RouterKind::dynamo_kv);
  f.s.send(0, 1600, 300);  // replica 0: 100 blocks, first token at 10 ms
  f.s.send(12, 960, 300);  // replica 1: 60 blocks, first token at 22 ms
  f.s.send(15, 160, 300);  // 100 of decode against 60 of prefill and 60 of decode: replica 0
  f.s.send(25, 160, 300);  // 110 and 10 of prefill against 60: replica 1
  CHECK(replicas(run(f.s)) == Replicas{0, 1, 0, 1});
}

TEST_CASE("llm-d sees queues and KV as they were at the last scrape", "[routers][llm-d]") {
  Fleet f(RouterKind::llm_d);
  f.s.config.routing.staleness = Duration::from_seconds(1);
  // Of the two that come in the first second wherever they may, the first takes 100 blocks. From
  // 1 s on its KV is seen; the next two both go to the other one.
  f.s.send(0, 1600, 1000);
  f.s.send(1100, 1600, 1000);
  f.s.send(1200, 1600, 1000);
  f.s.send(2100, 1600, 1000);  // one there, two here
  const Replicas r = replicas(run(f.s));
  CHECK(r[1] == 1 - r[0]);
  CHECK(r[2] == r[1]);
  CHECK(r[3] == r[0]);
}

TEST_CASE("What llm-d scrapes is what held at the scrape, not at the next request",
          "[routers][llm-d]") {
  Fleet f(RouterKind::llm_d);
  f.s.config.routing.staleness = Duration::from_seconds(1);
  f.s.send(0, 1600, 105);   // until 1050 ms: at 1 s it is there
  f.s.send(1100, 1600, 1);  // all engines are empty by now
  const Replicas r = replicas(run(f.s));
  CHECK(r[1] == 1 - r[0]);
}
