// Replicas that come and go, on time lines worked out by hand: one step takes 10 ms.
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

struct Fleet {
  ConstantStepModel step{0.010};
  Scenario s{models::EngineKind::vllm, step};

  explicit Fleet(int replicas) { s.config.replicas = replicas; }
  sim::SimulationConfig& config() { return s.config; }
};

sim::AutoscalerOptions serverless(Duration scaledown = Duration{60'000'000'000}) {
  sim::ServerlessOptions o;
  o.target_inputs = 1;
  o.scaledown_window = scaledown;
  return {o, {}};
}

sim::AutoscalerOptions scheduled(std::vector<sim::ScheduledOptions::Entry> entries) {
  return {sim::ScheduledOptions{std::move(entries), Duration::zero()}, {}};
}

Duration seconds(double s) { return Duration::from_seconds(s); }

}  // namespace

TEST_CASE("A request that finds no replica waits in the gateway through the cold start",
          "[fleet][autoscale]") {
  Fleet f(0);
  f.config().autoscaler = serverless();
  f.config().start.times = {{2, 2}, {1, 1}, {0.5, 0.5}, {1.5, 1.5}};
  f.s.send(300, 4, 2);
  const Outcome o = run(f.s);
  // The platform looks every second: started at 1 s, 2 + 1 + 0.5 + 1.5 s later it serves.
  const sim::RequestRecord& r = o.request(0);
  CHECK(r.engine_queued == at_ms(6000));
  CHECK(r.first_token == at_ms(6010));
  CHECK(r.finish == at_ms(6020));
  REQUIRE(o.summary.fleet);
  CHECK(o.summary.fleet->queued == 1);
  CHECK(o.summary.fleet->gateway_wait.max_s() == Approx(5.7));
  const sim::PoolSummary& pool = o.summary.fleet->pools.at(0);
  CHECK(pool.starts == 1);
  CHECK(pool.start_time.max_s() == Approx(5.0));
  CHECK(pool.held_s == Approx(5.020));  // from 1 s to the last token
  CHECK(pool.ready_s == Approx(0.020));
  CHECK(pool.peak_ready == 1);
}

TEST_CASE("A warm node takes the engine's part of a start only, and is made up for",
          "[fleet][autoscale]") {
  Fleet f(0);
  f.config().autoscaler = serverless();
  f.config().start.times = {{2, 2}, {1, 1}, {0.5, 0.5}, {1.5, 1.5}};
  f.config().start.warm_nodes = 1;
  f.s.send(300, 4, 2);
  f.s.send(400, 4, 2);
  const Outcome o = run(f.s);
  // Two are wanted at 1 s; one node is warm (ready at 2.5 s), the other start is a cold one. The
  // first replica serves both.
  CHECK(o.request(0).first_token == at_ms(2510));
  CHECK(o.request(1).first_token == at_ms(2510));
  const sim::PoolSummary& pool = o.summary.fleet->pools.at(0);
  CHECK(pool.starts == 2);
  CHECK(pool.warm_starts == 1);
  CHECK(pool.warm_node_s == Approx(2.520));
}

TEST_CASE("A replica that is to go serves what it has, and gets nothing more",
          "[fleet][autoscale]") {
  Fleet f(2);
  f.config().autoscaler = scheduled({{Duration::zero(), 2}, {seconds(1), 1}});
  f.s.send(0, 4, 1);     // to replica 0, ends at 10 ms
  f.s.send(5, 4, 300);   // to replica 1, until about 3 s
  f.s.send(20, 4, 200);  // to replica 0
  f.s.send(30, 4, 1);    // both have one: replica 0
  f.s.send(1500, 4, 1);
  const Outcome o = run(f.s);
  // At 1 s both have one request; the highest place goes. The last request finds replica 0 alone.
  CHECK(index(o.request(1).replica) == 1);
  CHECK(o.request(1).output_tokens == 300);
  CHECK(index(o.request(4).replica) == 0);
  const sim::PoolSummary& pool = o.summary.fleet->pools.at(0);
  CHECK(pool.drained == 1);
  CHECK(pool.least_ready == 1);
  // Replica 1 is paid until its request ends at 5 + 3000 ms; replica 0 until then too.
  CHECK(pool.held_s == Approx(2 * 3.005));
}

TEST_CASE("A drain limit cuts off what a leaving replica still has", "[fleet][autoscale]") {
  Fleet f(2);
  f.config().autoscaler = scheduled({{Duration::zero(), 2}, {seconds(1), 1}});
  f.config().drain_limit = seconds(0.5);
  f.s.send(0, 4, 300);
  f.s.send(5, 4, 300);
  const Outcome o = run(f.s);
  // Replica 1 is cut at 1.5 s; its request starts anew on replica 0, at the next step's start.
  const sim::RequestRecord& r = o.request(1);
  CHECK(r.retries == 1);
  CHECK(index(r.replica) == 0);
  CHECK(r.engine_queued == at_ms(1500));
  CHECK(r.finish == at_ms(1500 + 3000));
  CHECK(o.summary.fleet->retries == 1);
  CHECK(o.summary.counts.finished == 2);
}

TEST_CASE("A fixed autoscaler changes nothing that requests see", "[fleet][autoscale]") {
  Fleet plain(3), scaled(3);
  scaled.config().autoscaler = sim::AutoscalerOptions{sim::FixedOptions{3}, {}};
  for (Fleet* f : {&plain, &scaled})
    for (int i = 0; i < 40; ++i) f->s.send(7 * i, 4 + i % 5, 1 + i % 9);
  const Outcome a = run(plain.s), b = run(scaled.s);
  CHECK(a.summary.digest == b.summary.digest);
  CHECK(!a.summary.fleet);
  CHECK(b.summary.fleet->pools.at(0).starts == 0);
}

TEST_CASE("An upgrade replaces every replica, one surge at a time, and loses nothing",
          "[fleet][upgrade]") {
  Fleet f(2);
  f.config().start.times.init = {1, 1};
  f.config().upgrade = {at_ms(1000), 1, 0};
  for (int i = 0; i < 400; ++i) f.s.send(10 * i, 4, 2);
  const Outcome o = run(f.s);
  CHECK(o.summary.counts.finished == 400);
  const sim::PoolSummary& pool = o.summary.fleet->pools.at(0);
  CHECK(pool.starts == 2);
  CHECK(pool.drained == 2);
  CHECK(pool.least_ready == 2);
  CHECK(pool.peak_ready == 3);
  CHECK(o.summary.fleet->retries == 0);
}

TEST_CASE("An upgrade without a surge goes below the wanted number", "[fleet][upgrade]") {
  Fleet f(2);
  f.config().start.times.init = {1, 1};
  f.config().upgrade = {at_ms(1000), 0, 1};
  for (int i = 0; i < 400; ++i) f.s.send(10 * i, 4, 2);
  const Outcome o = run(f.s);
  CHECK(o.summary.counts.finished == 400);
  const sim::PoolSummary& pool = o.summary.fleet->pools.at(0);
  CHECK(pool.drained == 2);
  CHECK(pool.least_ready == 1);
  CHECK(pool.peak_ready == 2);
}
