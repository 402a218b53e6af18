// Replicas that break, on time lines worked out by hand: one step takes 10 ms.
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

struct Fleet {
  ConstantStepModel step{0.010};
  Scenario s{models::EngineKind::vllm, step};

  explicit Fleet(int replicas) { s.config.replicas = replicas; }
  sim::FaultOptions& faults() { return s.config.faults; }
};

Duration seconds(double s) { return Duration::from_seconds(s); }

}  // namespace

TEST_CASE("Requests of a node that dies start anew elsewhere once its death is noticed",
          "[fleet][faults]") {
  Fleet f(2);
  f.faults().outages = {{sim::FaultKind::node, 0, at_ms(1005), seconds(60)}};
  f.faults().detection = seconds(1);
  f.s.config.start.times.init = {5, 5};
  f.s.send(1000, 4, 10);  // replica 0
  f.s.send(1001, 4, 1);   // replica 1
  f.s.send(1500, 4, 1);   // replica 0 has one, replica 1 has none
  f.s.send(1500, 4, 1);   // replica 0, as far as the gateway knows
  const Outcome o = run(f.s);
  const sim::RequestRecord& r = o.request(0);
  CHECK(r.retries == 1);
  CHECK(index(r.replica) == 1);
  CHECK(r.engine_queued == at_ms(2005));
  CHECK(r.first_token == at_ms(2015));
  CHECK(r.finish == at_ms(2105));
  CHECK(index(o.request(2).replica) == 1);
  CHECK(o.request(2).retries == 0);
  // Sent to the dead one; one request each, so the lower place takes it.
  CHECK(o.request(3).retries == 1);
  CHECK(o.request(3).first_token == at_ms(2015));
  const sim::PoolSummary& pool = o.summary.fleet->pools.at(0);
  CHECK(pool.deaths == 1);
  CHECK(pool.starts == 1);
}

TEST_CASE("Lost work ends with its replica when nobody retries", "[fleet][faults]") {
  Fleet f(2);
  f.faults().outages = {{sim::FaultKind::node, 0, at_ms(1005), seconds(60)}};
  f.faults().lost_work = sim::LostWork::lose;
  f.s.send(1000, 4, 10);
  f.s.send(1001, 4, 3);
  const Outcome o = run(f.s);
  CHECK(o.request(0).status == sim::RequestStatus::lost);
  CHECK(o.request(0).finish == SimTime{1'006'000'000});
  CHECK(o.request(0).output_tokens == 0);
  CHECK(o.request(1).status == sim::RequestStatus::finished);
  CHECK(o.summary.counts.lost == 1);
  CHECK(o.ended.size() == 2);
}

TEST_CASE("A request is lost after its last retry", "[fleet][faults]") {
  Fleet f(1);
  f.faults().max_retries = 1;
  f.faults().outages = {{sim::FaultKind::gpu, 0, at_ms(1005), seconds(1)},
                        {sim::FaultKind::gpu, 0, at_ms(1105), seconds(1)}};
  f.s.send(1000, 4, 100);
  const Outcome o = run(f.s);
  // A replacement without a cold start takes over at once; it dies too.
  CHECK(o.request(0).status == sim::RequestStatus::lost);
  CHECK(o.request(0).retries == 1);
  CHECK(o.request(0).finish == SimTime{1'106'000'000});
}

TEST_CASE("Without spare machines a place stays empty until the repair", "[fleet][faults]") {
  Fleet f(1);
  f.faults().replace = false;
  f.faults().outages = {{sim::FaultKind::node, 0, at_ms(1005), seconds(30)}};
  f.s.config.start.times.init = {2, 2};
  f.s.send(1000, 4, 10);
  const Outcome o = run(f.s);
  // Repaired at 31.005 s, started by 33.005 s.
  CHECK(o.request(0).engine_queued == at_ms(33005));
  CHECK(o.summary.fleet->pools.at(0).ready_s == Approx(1.005 + 0.1));
}

TEST_CASE("A zone takes all of its nodes with it", "[fleet][faults]") {
  Fleet f(8);
  f.s.config.places = {2, 2};  // nodes 0..3 of two replicas, zones 0 1 0 1
  f.faults().outages = {{sim::FaultKind::zone, 1, at_ms(500), seconds(60)}};
  f.s.config.start.times.init = {100, 100};
  for (int i = 0; i < 8; ++i) f.s.send(600, 4, 2);
  const Outcome o = run(f.s);
  std::vector<std::uint32_t> used;
  for (std::uint64_t i = 0; i < 8; ++i) used.push_back(index(o.request(i).replica));
  CHECK(used == std::vector<std::uint32_t>{0, 1, 4, 5, 0, 1, 4, 5});
  CHECK(o.summary.fleet->pools.at(0).deaths == 4);
}

TEST_CASE("A straggler's steps take their factor, from when to when it says", "[fleet][faults]") {
  Fleet f(1);
  f.faults().stragglers = {{0, 2.0, at_ms(25), at_ms(75)}};
  f.s.send(0, 4, 7);
  const Outcome o = run(f.s);
  // Steps that start at 0, 10, 20 take 10 ms; at 30, 50, 70 they take 20; at 90 10 again.
  REQUIRE(o.sink.steps.size() == 7);
  CHECK(o.sink.steps[3].record.end == at_ms(50));
  CHECK(o.request(0).finish == at_ms(100));
}

TEST_CASE("Spot replicas are replaced when their notice comes, and lose what is left at its end",
          "[fleet][faults]") {
  Fleet f(4);
  f.faults().reclaims_per_hour = 60;  // one a minute
  f.faults().reclaim_notice = seconds(2);
  f.s.config.start.times.init = {1, 1};
  for (int i = 0; i < 600; ++i) f.s.send(1000 * i, 4, i % 2 == 0 ? 600 : 20);
  const Outcome o = run(f.s);
  const sim::PoolSummary& pool = o.summary.fleet->pools.at(0);
  CHECK(o.summary.counts.finished == 600);
  // 4 replicas for 10 minutes: 40 notices are expected, by 3 standard deviations 21 to 59.
  CHECK(pool.starts >= 21);
  CHECK(pool.starts <= 59);
  CHECK(pool.reclaims >= pool.starts);
  CHECK(pool.deaths > 0);  // 6 s of work outlast the notice
  CHECK(o.summary.fleet->retries >= pool.deaths);
}

TEST_CASE("Deaths come as often as their mean time says", "[fleet][faults]") {
  Fleet f(10);
  f.s.config.gpus = 8;
  f.faults().gpu = {seconds(8 * 3600), seconds(60)};
  f.s.send(0, 4, 1);
  f.s.send(36'000'000, 4, 1);  // ten hours later
  const Outcome o = run(f.s);
  // 10 replicas of 8 GPUs, each GPU once in 8 h: one death per replica and hour, 100 in 10 h.
  const auto deaths = static_cast<double>(o.summary.fleet->pools.at(0).deaths);
  CHECK(deaths > 70);
  CHECK(deaths < 130);
}

TEST_CASE("Nobody replaces a replica whose death is not known", "[fleet][faults]") {
  Fleet f(2);
  f.faults().outages = {{sim::FaultKind::gpu, 0, at_ms(1005), {}}};
  f.faults().detection = seconds(10);
  sim::ServerlessOptions o;
  o.min_containers = 2;
  f.s.config.autoscaler = sim::AutoscalerOptions{o, {}};
  f.s.send(1000, 4, 1);
  f.s.send(30'000, 4, 1);
  const Outcome outcome = run(f.s);
  const sim::PoolSummary& pool = outcome.summary.fleet->pools.at(0);
  CHECK(pool.starts == 1);
  CHECK(pool.ready_s == Approx(1.005 + (30.01 - 11.005) + 30.01));  // replaced at 11.005 s
}

TEST_CASE("What a drain limit cuts off is sent again at once, whatever detection takes",
          "[fleet][faults]") {
  Fleet f(2);
  f.s.config.autoscaler = sim::AutoscalerOptions{
      sim::ScheduledOptions{{{Duration::zero(), 2}, {seconds(1), 1}}, {}}, {}};
  f.s.config.drain_limit = seconds(0.5);
  f.faults().detection = seconds(10);
  f.s.send(0, 4, 300);
  f.s.send(5, 4, 300);
  CHECK(run(f.s).request(1).engine_queued == at_ms(1500));
}

TEST_CASE("A retry that finds the gateway's queue full is shed", "[fleet][faults]") {
  Fleet f(2);
  f.faults().outages = {{sim::FaultKind::gpu, 0, at_ms(1005), {}}};
  f.s.config.start.times.init = {5, 5};
  f.s.config.admission.max_per_replica = 1;
  f.s.config.admission.max_queue = 0;
  f.s.send(1000, 4, 10);
  f.s.send(1001, 4, 100);
  const Outcome o = run(f.s);
  CHECK(o.request(0).status == sim::RequestStatus::shed);
  CHECK(o.request(0).retries == 1);
  CHECK(o.request(1).status == sim::RequestStatus::finished);
  f.s.config.admission.max_queue = 1;  // room to wait until the other one has ended
  CHECK(run(f.s).request(0).status == sim::RequestStatus::finished);
}
