// How results must change when the input changes.
#include "tests/support/random_scenario.h"

using namespace eph;
using namespace eph::test;

TEST_CASE("INV-6: what an output turns out to be changes nothing before its end") {
  for (const std::uint64_t seed : seeds(200)) {
    INFO("EPH_SEED=" << seed);
    RandomScenario random = random_scenario(seed, false);
    Scenario& s = random.scenario;
    workload::Arrival& last = s.arrivals.back();
    last.max_output_tokens = 40;
    last.output_tokens = 5;
    const Outcome early = run(s);
    last.output_tokens = 40;
    const Outcome late = run(s);
    const sim::RequestRecord& r = early.request(s.arrivals.size() - 1);
    const auto before = [&r](const Outcome& o) {
      Steps steps;
      for (const RecordedStep& step : o.sink.steps)
        if (step.record.start < r.finish) steps.push_back(text(step));
      return steps;
    };
    REQUIRE(before(early) == before(late));
  }
}

TEST_CASE("doubling every time doubles every latency") {
  for (const std::uint64_t seed : seeds(100)) {
    INFO("EPH_SEED=" << seed);
    RandomScenario random = random_scenario(seed, true);
    Scenario& s = random.scenario;
    s.config.replica.front_end.jitter_mean_s = 0;  // drawn values round on their own
    // A refusal takes 1 ms at least, whatever else does: the way back to the client is no shorter.
    double& way_back = s.config.replica.front_end.client_out_s;
    way_back = std::max(way_back, 1e-3);
    const Outcome once = run(s);
    class Doubled final : public models::StepModel {
     public:
      explicit Doubled(const models::StepModel& inner) : inner_(inner) {}
      [[nodiscard]] double seconds(const models::BatchShape& shape) const noexcept override {
        return 2 * inner_.seconds(shape);
      }
      [[nodiscard]] models::StepBreakdown explain(const models::BatchShape& shape) const override {
        return inner_.explain(shape);
      }

     private:
      const models::StepModel& inner_;
    };
    const Doubled doubled(*random.step);
    s.config.replica.step = &doubled;
    models::FrontEnd& f = s.config.replica.front_end;
    for (double* time : {&f.client_in_s, &f.client_out_s, &f.client_token_s, &f.request_s,
                         &f.prompt_token_s, &f.output_token_s})
      *time *= 2;
    for (workload::Arrival& a : s.arrivals) a.at.ns *= 2;
    const Outcome twice = run(s);
    REQUIRE(twice.summary.counts.steps == once.summary.counts.steps);
    for (std::uint64_t id = 0; id < s.arrivals.size(); ++id) {
      if (once.request(id).status == sim::RequestStatus::rejected) continue;
      REQUIRE(twice.request(id).finish.ns == 2 * once.request(id).finish.ns);
      REQUIRE(twice.request(id).first_token.ns == 2 * once.request(id).first_token.ns);
    }
  }
}

TEST_CASE("a faster step model never slows a lone request") {
  for (const std::uint64_t seed : seeds(200)) {
    INFO("EPH_SEED=" << seed);
    RandomScenario random = random_scenario(seed, true);
    Scenario& s = random.scenario;
    s.arrivals.resize(1);
    const Outcome slow = run(s);
    const LinearStepModel fast(1e-5, 0, 0);
    s.config.replica.step = &fast;
    const Outcome quick = run(s);
    CHECK(quick.request(0).finish <= slow.request(0).finish);
    CHECK(quick.request(0).first_token <= slow.request(0).first_token);
  }
}

TEST_CASE("replicas are interchangeable: dealt out in turn, each sees its own requests only") {
  for (const std::uint64_t seed : seeds(60)) {
    INFO("EPH_SEED=" << seed);
    RandomScenario random = random_scenario(seed, false);
    Scenario& s = random.scenario;
    s.config.router = sim::RouterKind::round_robin;
    s.config.replicas = 2;
    const Outcome both = run(s);
    Scenario alone = s;
    alone.config.replicas = 1;
    alone.arrivals.clear();
    for (std::size_t i = 1; i < s.arrivals.size(); i += 2) alone.arrivals.push_back(s.arrivals[i]);
    const Outcome odd = run(alone);
    for (std::uint64_t id = 0; id < alone.arrivals.size(); ++id)
      REQUIRE(odd.request(id).finish == both.request(2 * id + 1).finish);
  }
}

TEST_CASE("a pool that is never full behaves like one without end") {
  for (const std::uint64_t seed : seeds(100)) {
    INFO("EPH_SEED=" << seed);
    RandomScenario random = random_scenario(seed, false);
    Scenario& s = random.scenario;
    s.config.replica.kv.usable_blocks = 100000;
    s.config.replica.kv.blocks = 100001;
    s.engine().watermark = 0;
    const std::uint64_t digest = run(s).summary.digest;
    s.config.replica.kv.usable_blocks = 1000000;
    s.config.replica.kv.blocks = 1000001;
    const Outcome o = run(s);
    CHECK(o.summary.digest == digest);
    CHECK(o.summary.counts.preemptions == 0);
  }
}

TEST_CASE("a horizon changes nothing before it") {
  for (const std::uint64_t seed : seeds(200)) {
    INFO("EPH_SEED=" << seed);
    RandomScenario random = random_scenario(seed, true);
    Scenario& s = random.scenario;
    const Outcome whole = run(s);
    Stream stream({seed, 1, Purpose::test, 2});
    s.config.horizon = SimTime{static_cast<std::int64_t>(
        stream.below(static_cast<std::uint64_t>(whole.summary.last_finish.ns + 1)))};
    const Outcome cut = run(s);
    const sim::RunCounts& c = cut.summary.counts;
    REQUIRE(c.arrived == c.finished + c.rejected + c.unfinished);  // INV-1
    REQUIRE(cut.sink.requests.size() == c.arrived);
    for (const sim::RequestRecord& r : cut.sink.requests) {
      const sim::RequestRecord& full = whole.request(index(r.id));
      REQUIRE(r.sent <= s.config.horizon);
      REQUIRE((r.status == sim::RequestStatus::unfinished) == (full.finish > s.config.horizon));
      if (r.status != sim::RequestStatus::unfinished) REQUIRE(r.finish == full.finish);
      REQUIRE(r.output_tokens <= full.output_tokens);
      if (r.first_token != SimTime::never()) REQUIRE(r.first_token == full.first_token);
    }
  }
}
