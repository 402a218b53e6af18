// What a simulated request costs in fleets of 1 to 10,000 replicas under the same load each.
#include <benchmark/benchmark.h>

#include "sim/simulation.h"
#include "tests/support/step_models.h"
#include "workload/open_load.h"
#include "workload/synthetic.h"

using namespace eph;

namespace {

constexpr double kRatePerReplica = 2;  // requests/s: 16 in flight on each
constexpr std::int64_t kRequests = 400'000;

std::unique_ptr<workload::Load> load(double rate, std::int64_t requests) {
  workload::SyntheticConfig config{.rate = *workload::RateProfile::constant(rate),
                                   .lengths = {*workload::uniform_around(500, 0.5, 1.5),
                                               *workload::uniform_around(200, 0.5, 1.5)}};
  config.requests = requests;
  auto source = workload::make_synthetic(config);
  return std::make_unique<workload::OpenLoad>(std::move(*source));
}

sim::SimulationConfig fleet(const models::StepModel& step, int replicas) {
  sim::SimulationConfig config;
  config.replica.step = &step;
  config.replica.engine.kind = models::EngineKind::vllm;
  config.replica.engine.async_scheduling = true;
  config.replica.kv.block_size = 16;
  config.replica.kv.usable_blocks = 28'000;
  config.replica.kv.blocks = 28'001;
  config.replicas = replicas;
  return config;
}

void by_replicas(benchmark::State& state, sim::RouterKind router) {
  const test::LinearStepModel step(8e-3, 15e-6, 50e-6, 1e-9);
  const auto replicas = static_cast<int>(state.range(0));
  std::uint64_t digest = 0, events = 0;
  for (auto _ : state) {
    sim::SimulationConfig config = fleet(step, replicas);
    config.router = router;
    const auto requests = load(kRatePerReplica * replicas, kRequests);
    const auto run = sim::Simulation(config).run(*requests, {});
    digest = run->digest;
    events = run->counts.events;
  }
  state.counters["requests/s"] =
      benchmark::Counter(static_cast<double>(kRequests) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
  state.counters["us/request"] = benchmark::Counter(
      1e-6 * static_cast<double>(kRequests) * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["events/request"] = static_cast<double>(events) / static_cast<double>(kRequests);
  state.SetLabel(fmt::format("digest {:016x}", digest));
}

}  // namespace

BENCHMARK_CAPTURE(by_replicas, least_outstanding, sim::RouterKind::least_outstanding)
    ->RangeMultiplier(10)
    ->Range(1, 10'000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(by_replicas, power_of_two, sim::RouterKind::power_of_two)
    ->RangeMultiplier(10)
    ->Range(1, 10'000)
    ->Unit(benchmark::kMillisecond);

BENCHMARK_MAIN();
