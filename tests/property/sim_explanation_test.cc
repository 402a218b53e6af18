// Random systems of all engines with their own rules on: every request ends, and the parts of its
// time add up exactly.
#include "sim/explanation.h"
#include "tests/support/random_rules.h"

using namespace eph;
using namespace eph::test;

namespace {

void check_parts(const Scenario& s, const sim::RequestRecord& known) {
  sim::RequestWatch watch(known, *s.config.replica.step);
  ScriptedLoad load(s.arrivals);
  sim::RunOptions options;
  options.sink = &watch;
  REQUIRE(sim::Simulation(s.config).run(load, options));
  const sim::Explanation e = watch.explanation();
  REQUIRE(e.to_first_token.total() == known.ttft());  // INV-11
  REQUIRE(e.whole.total() == known.e2e());
  REQUIRE(e.after.total() == known.e2e() - known.ttft());
  for (std::size_t i = 0; i < sim::kTimeParts; ++i) {
    REQUIRE(e.to_first_token.part[i] >= Duration::zero());
    REQUIRE(e.whole.part[i] >= Duration::zero());
    const auto part = static_cast<sim::TimePart>(i);
    if (part != sim::TimePart::host && part != sim::TimePart::network)
      REQUIRE(e.after.part[i] >= Duration::zero());
  }
  if (known.preemptions == 0) REQUIRE(e.whole[sim::TimePart::recompute] == Duration::zero());
}

}  // namespace

TEST_CASE("the parts of a request's time add up exactly") {
  std::uint64_t explained = 0, preempted = 0;
  for (const std::uint64_t seed : seeds(600)) {
    CAPTURE(seed);
    RandomScenario random = random_scenario(seed, seed % 2 == 0);
    Scenario& s = random.scenario;
    draw_rules(seed, s);
    const Outcome o = run(s);
    REQUIRE(o.summary.counts.arrived == o.summary.counts.finished + o.summary.counts.rejected);
    std::size_t done = 0;
    for (const sim::RequestRecord& known : o.sink.requests) {
      if (known.status != sim::RequestStatus::finished) continue;
      if (known.preemptions == 0 && done >= 3) continue;
      check_parts(s, known);
      ++done;
      ++explained;
      preempted += known.preemptions > 0 ? 1 : 0;
    }
  }
  CHECK(explained > 1000);
  CHECK(preempted > 100);
}
