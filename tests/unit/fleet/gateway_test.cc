// Who is let in, who waits, who is shed: one step takes 10 ms, one request at a time.
#include "tests/support/closed_load.h"
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

struct Fleet {
  ConstantStepModel step{0.010};
  Scenario s{models::EngineKind::vllm, step};

  sim::AdmissionOptions& admission() { return s.config.admission; }
};

std::vector<std::string> statuses(const Outcome& o) {
  std::vector<std::string> out(o.sink.requests.size());
  for (const auto& r : o.sink.requests) {
    std::string& text = out[index(r.id)];
    text = r.status == sim::RequestStatus::finished ? "finished"
           : r.status == sim::RequestStatus::shed   ? "shed"
                                                    : "other";
  }
  return out;
}

using Statuses = std::vector<std::string>;

}  // namespace

TEST_CASE("A replica with as many requests as it may have leaves the others in the gateway",
          "[fleet][gateway]") {
  Fleet f;
  f.admission().max_per_replica = 2;
  for (int i = 0; i < 4; ++i) f.s.send(0, 4, 3);
  const Outcome o = run(f.s);
  CHECK(o.request(1).first_token == at_ms(10));
  CHECK(o.request(2).engine_queued == at_ms(30));  // when the first two have ended
  CHECK(o.request(3).first_token == at_ms(40));
  CHECK(o.summary.fleet->queued == 2);
}

TEST_CASE("A full replica hands the request to the next one with room", "[fleet][gateway]") {
  Fleet f;
  f.s.config.replicas = 3;
  f.s.config.router = sim::RouterKind::round_robin;
  f.admission().max_per_replica = 1;
  f.s.send(0, 4, 9);
  f.s.send(0, 4, 1);
  f.s.send(0, 4, 9);
  f.s.send(20, 4, 1);  // its turn is replica 0, which is full, as is 2
  const Outcome o = run(f.s);
  CHECK(index(o.request(3).replica) == 1);
}

TEST_CASE("A queue that is full sheds at once", "[fleet][gateway]") {
  Fleet f;
  f.admission().max_per_replica = 1;
  f.admission().max_queue = 1;
  for (int i = 0; i < 3; ++i) f.s.send(0, 4, 3);
  const Outcome o = run(f.s);
  CHECK(statuses(o) == Statuses{"finished", "finished", "shed"});
  CHECK(o.summary.counts.shed == 1);
  CHECK(o.request(2).finish == at_ms(1));
}

TEST_CASE("A token bucket lets its burst in, and then its rate", "[fleet][gateway]") {
  Fleet f;
  f.admission().rate = 10;  // a token in 100 ms
  f.admission().burst = 2;
  for (const double ms : {0., 1., 2., 50., 101., 102., 300., 301., 302.}) f.s.send(ms, 4, 1);
  const Outcome o = run(f.s);
  // 2 tokens at 0; 1.01 at 101 ms; 1.99 at 300 ms, so one; 2.0 would need 301 ms: 1.0 again.
  CHECK(statuses(o) == Statuses{"finished", "finished", "shed", "shed", "finished", "shed",
                                "finished", "finished", "shed"});
}

TEST_CASE("Classes that may be shed are, above their load", "[fleet][gateway]") {
  Fleet f;
  f.s.classes = {"chat", "batch"};
  f.admission().sheddable = {"batch"};
  f.admission().shed_above = 2;
  for (int i = 0; i < 4; ++i) {
    f.s.send(0, 4, 3);
    f.s.arrivals.back().request_class = i == 1 || i == 3 ? 1 : 0;
  }
  const Outcome o = run(f.s);
  CHECK(statuses(o) == Statuses{"finished", "finished", "finished", "shed"});
  CHECK(o.summary.classes.at(1).shed == 1);
}

TEST_CASE("A client that gives up in the gateway's queue leaves it", "[fleet][gateway]") {
  Fleet f;
  f.admission().max_per_replica = 1;
  f.s.config.client_timeout = Duration::from_seconds(0.045);
  f.s.send(0, 4, 3);
  f.s.send(0, 4, 3);
  f.s.send(1, 4, 1);  // would be served at 60 ms
  const Outcome o = run(f.s);
  CHECK(o.request(1).status == sim::RequestStatus::cancelled);  // 30..60 ms: cut at 45
  CHECK(o.request(1).output_tokens == 2);
  // The second request leaves replica 0 with the step that ends at 50 ms, but the gateway counts it
  // out when its client goes, at 45; by 46 ms the third's client is gone too.
  CHECK(o.request(2).status == sim::RequestStatus::cancelled);
  CHECK(o.summary.counts.cancelled == 2);
  CHECK(o.summary.counts.finished == 1);
}

TEST_CASE("Clients that send again at once after a refusal do not stop the clock",
          "[fleet][gateway]") {
  const ConstantStepModel step(0.010);
  Scenario s(models::EngineKind::vllm, step);
  s.config.admission.max_per_replica = 1;
  s.config.admission.max_queue = 0;
  s.config.horizon = at_ms(2000);
  ClosedLoad load({4, 1'000'000, 10, 50, 50, 0});
  const auto summary = sim::Simulation(s.config).run(load, {});
  REQUIRE(summary);
  // Three of four clients are refused a thousand times a second.
  CHECK(summary->counts.shed > 5000);
  CHECK(summary->counts.shed <= 6000);
  CHECK(summary->counts.finished == 4);  // 500 ms each, the last at the horizon
}
