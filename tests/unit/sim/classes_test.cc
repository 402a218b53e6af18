// Requests of named classes: their own figures and objectives. Steps take 10 ms.
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

const ConstantStepModel kTenMs(0.010);

// One request at a time. Chat at 0 and 5, TTFT 10 and 20 + 10 - 5 = 25 ms; a batch request at 10
// that waits until 30: TTFT 30 ms, three tokens, TPOT 10 ms, end to end 50 ms.
Scenario two_classes() {
  Scenario s(models::EngineKind::vllm, kTenMs);
  s.engine().max_num_seqs = 1;
  s.classes = {"chat", "batch"};
  s.send(0, 4, 2);
  s.send(5, 4, 1);
  s.send(10, 4, 3);
  s.arrivals.back().request_class = 1;
  return s;
}

std::vector<bool> met(const Outcome& o) {
  std::vector<bool> out;
  for (const sim::SloOutcome& one : o.summary.slos) out.push_back(one.met);
  return out;
}

}  // namespace

TEST_CASE("each class has its own counts and latencies") {
  Scenario s = two_classes();
  s.send(11, 4, 3);  // chat, gives up before it is its turn
  s.arrivals.back().timeout = Duration::from_seconds(0.020);
  const Outcome o = run(s);
  REQUIRE(o.summary.classes.size() == 2);
  const sim::ClassSummary& chat = o.summary.classes[0];
  CHECK(chat.name == "chat");
  CHECK(chat.arrived == 3);
  CHECK(chat.finished == 2);
  CHECK(chat.cancelled == 1);
  CHECK(chat.unfinished() == 0);
  CHECK(chat.ttft.quantile_s(0.5) == Approx(0.0175));
  CHECK(chat.tpot.count() == 1);
  CHECK(chat.attainment() == Approx(2.0 / 3));  // without objectives those that finished
  const sim::ClassSummary& batch = o.summary.classes[1];
  CHECK(batch.arrived == 1);
  CHECK(batch.ttft.max_s() == Approx(0.030));
  CHECK(batch.tpot.mean_s() == Approx(0.010));
  CHECK(batch.e2e.max_s() == Approx(0.050));
}

TEST_CASE("an objective of a class is about its requests alone") {
  Scenario s = two_classes();
  s.options.slos = *sim::parse_slos("p95_ttft=27ms,chat:p95_ttft=27ms,batch:p95:ttft<=29ms");
  const Outcome o = run(s);
  // All: between 25 and 30 at rank 1.9, 29.5 ms. Chat: 10 + 0.95 * 15 = 24.25 ms.
  CHECK(met(o) == std::vector<bool>{false, true, false});
  CHECK(o.summary.slos[1].measured_s == Approx(0.02425));
  CHECK(o.summary.classes[0].good == 2);
  CHECK(o.summary.classes[1].good == 0);
  CHECK(o.summary.goodput_share == Approx(2.0 / 3));
}

TEST_CASE("a request of a class is good when it meets its class's objectives") {
  Scenario s = two_classes();
  s.options.slos = *sim::parse_slos("chat:p50_ttft=15ms,batch:p50_e2e=1s");
  const Outcome o = run(s);
  CHECK(o.summary.classes[0].good == 1);  // 10 ms, and not 25
  CHECK(o.summary.classes[1].good == 1);
}

TEST_CASE("an objective on a class that nobody has is an error that names those there are") {
  Scenario s = two_classes();
  const auto fault = [&s](const char* slo) {
    sim::RunOptions options;
    options.slos = *sim::parse_slos(slo);
    ScriptedLoad load(s.arrivals);
    load.classes = s.classes;
    const auto summary = sim::Simulation(s.config).run(load, options);
    return summary ? std::string() : summary.error().text();
  };
  CHECK(fault("chatt:p95_ttft=1s") ==
        "SLO \"chatt:p95_ttft=1000ms\": no request of class \"chatt\" was sent; did you mean "
        "\"chat\"?");
  s.classes.clear();
  CHECK(fault("chat:p95_ttft=1s").find("the requests have no classes") != std::string::npos);
}
