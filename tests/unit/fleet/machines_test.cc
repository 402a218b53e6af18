// Replicas that are placed on counted nodes: one step takes 10 ms.
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

Duration seconds(double s) { return Duration::from_seconds(s); }

struct Fleet {
  ConstantStepModel step{0.010};
  Scenario s{models::EngineKind::vllm, step};

  Fleet(int nodes, int gpus_per_node, int replicas, int gpus) {
    sim::MachineOptions m;
    m.nodes = nodes;
    m.gpus_per_node = gpus_per_node;
    s.config.machines = m;
    s.config.replicas = replicas;
    s.config.gpus = gpus;
  }
  sim::MachineOptions& machines() { return *s.config.machines; }
  void outage(sim::FaultKind kind, std::uint32_t number, double at, double lasts) {
    s.config.faults.outages.push_back({kind, number, at_ms(at), seconds(lasts)});
  }
};

const sim::PoolSummary& pool(const Outcome& o, std::size_t i = 0) {
  return o.summary.fleet->pools.at(i);
}

}  // namespace

TEST_CASE(
    "A node that fails takes all that stands on it, and the replicas start where there is room",
    "[fleet][machines]") {
  // Packed, both stand on node 0; spread, one.
  for (const bool spread : {false, true}) {
    Fleet f(2, 2, 2, 1);
    f.machines().rule.policy =
        spread ? models::PlacementPolicy::spread : models::PlacementPolicy::pack;
    f.outage(sim::FaultKind::node, 0, 100, 60);
    f.s.send(0, 4, 50);
    const Outcome o = run(f.s);
    CHECK(pool(o).deaths == (spread ? 1 : 2));
    CHECK(pool(o).starts == pool(o).deaths);  // at once, on node 1
    CHECK(pool(o).no_room == 0);
    CHECK(o.summary.fleet->peak_gpus == 2);
  }
}

TEST_CASE("Where no node is left a replica waits for the repair", "[fleet][machines]") {
  Fleet f(1, 2, 1, 2);
  f.outage(sim::FaultKind::node, 0, 100, 1);
  f.s.send(200, 4, 1);
  const Outcome o = run(f.s);
  CHECK(o.request(0).first_token == at_ms(1110));
  CHECK(pool(o).no_room == 1);
}

TEST_CASE("A broken GPU takes its node out of use, not the other replicas there",
          "[fleet][machines]") {
  Fleet f(1, 2, 2, 1);
  f.outage(sim::FaultKind::gpu, 0, 100, 1);
  f.s.config.router = sim::RouterKind::round_robin;
  f.s.send(0, 4, 50);  // replica 0: sent again
  f.s.send(1, 4, 50);  // replica 1
  f.s.send(2000, 4, 1);
  const Outcome o = run(f.s);
  CHECK(o.request(0).retries == 1);
  CHECK(index(o.request(0).replica) == 1);
  CHECK(o.request(1).retries == 0);
  CHECK(pool(o).deaths == 1);
  CHECK(pool(o).starts == 1);
  // 900 ms of a second, from 100 ms on, with one replica: the other starts with the repair.
  CHECK(pool(o).ready_s == Approx(2 * o.summary.end.seconds() - 1.0));
}

TEST_CASE("Idle GPUs on several nodes are none for a replica that needs them together",
          "[fleet][machines]") {
  // Two replicas of one GPU, one a node; the third GPU of each node is idle: four GPUs, none of
  // three.
  for (const bool spread : {true, false}) {
    Fleet f(2, 3, 2, 1);
    f.machines().rule.policy =
        spread ? models::PlacementPolicy::spread : models::PlacementPolicy::pack;
    sim::FurtherPool big{f.s.config, {}};
    big.pool.name = "big";
    big.pool.gpus = 3;
    big.pool.replicas = spread ? 0 : 1;
    big.pool.autoscaler = sim::AutoscalerOptions{sim::ScheduledOptions{{{seconds(0), 1}}, {}}, {}};
    f.s.config.further.push_back(big);
    f.s.config.rule.max_prompt = 10;
    f.s.send(0, 4, 300);
    const Outcome o = run(f.s);
    CHECK(pool(o, 1).no_room == (spread ? 1 : 0));
    CHECK(pool(o, 1).peak_ready == (spread ? 0 : 1));
    // What the big pool cannot use: 4 GPUs, or after it has its node the one that is left.
    CHECK(pool(o, 1).scattered_gpu_s == Approx((spread ? 4 : 1) * o.summary.end.seconds()));
  }
}

TEST_CASE("Replicas of a pool that may not share a node wait for one of their own",
          "[fleet][machines]") {
  Fleet f(2, 8, 1, 1);
  f.machines().rule.anti_affinity = models::AntiAffinity::node;
  f.s.config.autoscaler = sim::AutoscalerOptions{sim::ScheduledOptions{{{seconds(0), 3}}, {}}, {}};
  f.s.send(0, 4, 300);
  const Outcome o = run(f.s);
  CHECK(pool(o).peak_ready == 2);
  CHECK(pool(o).no_room == 1);
}

TEST_CASE("A fleet that does not fit its nodes is refused", "[fleet][machines]") {
  Fleet f(2, 3, 3, 2);
  f.s.send(0, 4, 1);
  ScriptedLoad load(f.s.arrivals);
  const auto summary = sim::Simulation(f.s.config).run(load, {});
  REQUIRE_FALSE(summary);
  CHECK(summary.error().text().find("of 6 GPUs 2 are idle, but not 2 where it may stand") !=
        std::string::npos);
}

TEST_CASE("Machines that are counted keep a broken place empty until its repair",
          "[fleet][machines]") {
  // Two machines and two replicas: no third one takes over.
  const ConstantStepModel step(0.010);
  Scenario s(models::EngineKind::vllm, step);
  s.config.replicas = 2;
  s.config.places.capacity = 2;
  s.config.faults.outages = {{sim::FaultKind::gpu, 0, at_ms(100), seconds(1)}};
  s.send(0, 4, 300);
  const Outcome o = run(s);
  CHECK(pool(o).ready_s == Approx(2 * o.summary.end.seconds() - 1.0));
}
