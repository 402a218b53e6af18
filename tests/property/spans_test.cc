// Spans give what one event per iteration gives, bit for bit.
#include <array>
#include <memory>
#include <tuple>

#include "tests/support/closed_load.h"
#include "tests/support/host_models.h"
#include "tests/support/random_rules.h"

using namespace eph;
using namespace eph::test;

namespace {

using detail::chance;
using detail::in;

// Keeps records, but no steps, which would be simulated one by one.
class Requests final : public sim::MetricsSink {
 public:
  void on_request(const sim::RequestRecord& record) override { records.push_back(record); }
  std::vector<sim::RequestRecord> records;
};

struct System {
  RandomScenario random;
  std::unique_ptr<models::StepModel> step;
  ClosedLoad::Options closed;  // total 0: the script
};

// Longer outputs and more room than random_scenario's, so that there is something to span; every
// rule, horizons, series, warm-up.
System any_system(std::uint64_t seed) {
  System out{random_scenario(seed, seed % 2 == 0), nullptr, {}};
  out.closed.total = 0;
  Scenario& s = out.random.scenario;
  draw_rules(seed, s);
  Stream stream({seed, 5, Purpose::test, 0});
  if (chance(stream, 70)) {
    const std::int64_t longer = in(stream, 2, 12), apart = in(stream, 1, 4 * longer);
    for (workload::Arrival& a : s.arrivals) {
      a.output_tokens *= static_cast<std::int32_t>(longer);
      a.max_output_tokens *= static_cast<std::int32_t>(longer);
      a.at.ns *= apart;
    }
    std::sort(s.arrivals.begin(), s.arrivals.end(),
              [](const auto& a, const auto& b) { return a.at < b.at; });
    const std::int64_t room = in(stream, 1, 3 * longer);
    s.config.replica.kv.usable_blocks *= room;
    s.config.replica.kv.blocks *= room;
  }
  draw_sharing(stream, s);
  if (chance(stream, 40)) draw_patience(stream, s);
  if (chance(stream, 30)) s.config.series_interval = Duration{1000 * in(stream, 100, 90'000)};
  if (chance(stream, 20)) s.config.horizon = SimTime{1000 * in(stream, 1, 900'000)};
  if (chance(stream, 20)) s.config.measure_from = SimTime{1000 * in(stream, 1, 200'000)};
  if (chance(stream, 10)) s.config.replica.front_end.jitter_mean_s = 1e-3 * stream.unit();
  if (chance(stream, 50)) out.step = std::make_unique<HostStepModel>(stream);
  if (chance(stream, 5)) out.step = std::make_unique<ContextsStepModel>();
  if (out.step) s.config.replica.step = out.step.get();
  if (chance(stream, 25)) {
    const auto least = static_cast<std::int32_t>(in(stream, 1, 90));
    out.closed = {in(stream, 1, 20),
                  in(stream, 1, 60),
                  static_cast<std::int32_t>(in(stream, 1, 40)),
                  least,
                  least + static_cast<std::int32_t>(in(stream, 0, 90)),
                  0};
  }
  return out;
}

struct Ran {
  sim::RunSummary summary;
  std::vector<sim::RequestRecord> records;
};

Ran simulate(const System& system, bool exact) {
  Scenario s = system.random.scenario;
  s.config.exact_steps = exact;
  Requests sink;
  s.options.sink = &sink;
  s.options.slos = *sim::parse_slos("p95_itl=3ms,p95_ttft=20ms");
  std::unique_ptr<workload::Load> load;
  if (system.closed.total > 0) {
    load = std::make_unique<ClosedLoad>(system.closed);
  } else {
    auto script = std::make_unique<ScriptedLoad>(s.arrivals, s.hashes, s.hash_tokens);
    script->classes = s.classes;
    load = std::move(script);
  }
  auto summary = sim::Simulation(s.config).run(*load, s.options);
  if (!summary) FAIL(summary.error().text());
  return {std::move(*summary), std::move(sink.records)};
}

// All that a summary says but the number of queue events.
std::vector<double> figures(const sim::RunSummary& s) {
  const sim::RunCounts& c = s.counts;
  std::vector<double> out{s.requests_per_s, s.output_tokens_per_s,  s.total_tokens_per_s,
                          s.goodput_per_s,  s.goodput_share,        s.busy_share,
                          s.mean_running,   s.mean_waiting,         s.peak_kv_used,
                          s.mean_in_system, s.saturated ? 1.0 : 0.0};
  for (const std::uint64_t n : {c.arrived, c.finished, c.rejected, c.unfinished, c.cancelled,
                                c.steps, c.preemptions, c.prompt_tokens, c.output_tokens,
                                c.cached_tokens, c.wasted_output_tokens, c.scheduled_tokens})
    out.push_back(static_cast<double>(n));
  for (const sim::LatencySample* sample : {&s.ttft, &s.tpot, &s.itl, &s.e2e, &s.queued}) {
    out.insert(out.end(),
               {static_cast<double>(sample->count()), sample->mean_s(), sample->max_s()});
    for (int p = 0; p <= 100; p += 5) out.push_back(sample->quantile_s(p * 0.01));
  }
  for (const sim::SloOutcome& slo : s.slos)
    out.insert(out.end(), {slo.measured_s, slo.met ? 1.0 : 0.0});
  for (const sim::SeriesPoint& p : s.series)
    out.insert(out.end(),
               {p.at.seconds(), static_cast<double>(p.waiting), static_cast<double>(p.running),
                p.kv_used, static_cast<double>(p.preemptions), static_cast<double>(p.finished)});
  if (s.overload)
    out.insert(out.end(),
               {s.overload->growth_per_s, s.overload->ttft_p95_half_s, s.overload->ttft_p95_all_s,
                static_cast<double>(s.overload->at_last_send)});
  return out;
}

}  // namespace

TEST_CASE(
    "INV-7: spans and single steps give the same bits, with every rule of every engine drawn") {
  std::uint64_t steps = 0, exact_events = 0, events = 0;
  std::array<std::uint64_t, 4> shorter{};
  const std::vector<std::uint64_t> all = seeds(12'000);
  for (const std::uint64_t seed : all) {
    INFO("EPH_SEED=" << seed);
    const System system = any_system(seed);
    const Ran oracle = simulate(system, true), spans = simulate(system, false);
    if (spans.summary.digest != oracle.summary.digest) {
      for (std::size_t i = 0; i < oracle.records.size(); ++i) {
        const sim::RequestRecord& a = oracle.records[i];
        const sim::RequestRecord& b = spans.records[i];
        if (std::tie(a.id, a.finish, a.first_token, a.engine_finish, a.output_tokens) !=
            std::tie(b.id, b.finish, b.first_token, b.engine_finish, b.output_tokens))
          FAIL("request " << index(a.id) << " ends at " << a.finish.ns << " ns, " << index(b.id)
                          << " at " << b.finish.ns << " ns by spans");
      }
      FAIL("another digest");
    }
    if (figures(spans.summary) != figures(oracle.summary)) {
      const auto a = figures(oracle.summary), b = figures(spans.summary);
      for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i] != b[i]) FAIL("figure " << i << " is " << a[i] << ", " << b[i] << " by spans");
    }
    if (spans.summary.counts.events < oracle.summary.counts.events)
      ++shorter[static_cast<std::size_t>(system.random.scenario.config.replica.engine.kind)];
    steps += oracle.summary.counts.steps;
    exact_events += oracle.summary.counts.events;
    events += spans.summary.counts.events;
  }
  WARN("seeds " << all.front() << " to " << all.back() << ": " << steps << " steps, "
                << exact_events << " events one by one, " << events << " by spans; fewer in "
                << shorter[0] << ", " << shorter[1] << ", " << shorter[2] << ", " << shorter[3]
                << " of the engines");
  if (std::getenv("EPH_SEED") != nullptr) return;
  for (const std::uint64_t count : shorter) CHECK(count > 1000);
  CHECK(events < exact_events / 2);
}
