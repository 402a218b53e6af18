// The steady state takes no memory: operator new is counted, and one call in the second half of a
// run is an error.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "sim/simulation.h"
#include "tests/support/closed_load.h"
#include "tests/support/step_models.h"

namespace {

std::atomic<std::uint64_t> allocations{0};

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace eph;

// Samples of latencies keep 2^20 values, then count in buckets: from there on nothing grows.
constexpr std::int64_t kRequests = 1'600'000, kSteady = 1'300'000;

void steady_state(benchmark::State& state, models::EngineKind kind, bool caching) {
  const test::LinearStepModel step(5e-3, 2e-5, 1e-5, 1e-9);
  sim::SimulationConfig config;
  config.replica.step = &step;
  config.replica.engine.kind = kind;
  config.replica.engine.async_scheduling = true;
  config.replica.engine.max_num_seqs = 64;
  config.replica.engine.prefix_caching = caching;
  config.replica.kv = kind == models::EngineKind::sglang ? models::KvPool{64'001, 1, 64'000}
                                                         : models::KvPool{4'001, 16, 4'000};
  config.replica.front_end = {0.001, 0.001, 0.0005, 1e-6, 1e-9, 1e-7, 0};
  std::uint64_t digest = 0, events = 0, taken = 0;
  for (auto _ : state) {
    test::ClosedLoad load({64, kRequests, 64, 2, 5, caching ? 32 : 0});
    std::uint64_t before = 0;
    sim::RunOptions options;
    options.progress = [&](SimTime, std::uint64_t ended) {
      if (ended >= static_cast<std::uint64_t>(kSteady) && before == 0) before = allocations;
      if (before > 0) taken = allocations - before;
      return true;
    };
    const auto summary = sim::Simulation(config).run(load, options);
    if (!summary) return state.SkipWithError("the run failed");
    if (before == 0) return state.SkipWithError("the steady state was not reached");
    digest = summary->digest;
    events = summary->counts.events;
  }
  if (taken > 0) state.SkipWithError(fmt::format("{} allocations", taken).c_str());
  state.counters["allocations"] = static_cast<double>(taken);
  state.counters["events"] = static_cast<double>(events);
  state.SetLabel(fmt::format("digest {:016x}", digest));
}

}  // namespace

BENCHMARK_CAPTURE(steady_state, vllm, models::EngineKind::vllm, false)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(steady_state, sglang, models::EngineKind::sglang, false)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(steady_state, trtllm, models::EngineKind::trtllm, false)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(steady_state, vllm_caching, models::EngineKind::vllm, true)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(steady_state, sglang_caching, models::EngineKind::sglang, true)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_MAIN();
