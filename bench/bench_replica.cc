// One replica under a closed loop: sequence-steps per second by engine and batch size.
#include <benchmark/benchmark.h>

#include "sim/simulation.h"
#include "tests/support/closed_load.h"
#include "tests/support/step_models.h"

namespace {

using namespace eph;

// 200 output tokens on average over a prompt of 128: mostly decodes, as in serving.
void replica(benchmark::State& state, models::EngineKind kind, bool async,
             std::int32_t longer = 1) {
  const test::LinearStepModel step(5e-3, 2e-5, 1e-5, 1e-9);
  const std::int64_t batch = state.range(0);
  sim::SimulationConfig config;
  config.replica.step = &step;
  config.replica.engine.kind = kind;
  config.replica.engine.async_scheduling = async;
  config.replica.engine.max_num_seqs = batch;
  config.replica.engine.chunked_prefill = kind != models::EngineKind::trtllm;
  config.replica.kv = {batch * 64 + 1, 16, batch * 64};
  if (kind == models::EngineKind::sglang) config.replica.kv = {batch * 1024, 1, batch * 1024};
  config.replica.kv.blocks *= longer;
  config.replica.kv.usable_blocks *= longer;
  config.exact_steps = state.range(1) != 0;
  double tokens = 0;
  std::uint64_t digest = 0;
  for (auto _ : state) {
    test::ClosedLoad load({batch, batch * (longer > 1 ? 8 : 40), 128, 100 * longer, 300 * longer});
    const auto summary = sim::Simulation(config).run(load, {});
    tokens += static_cast<double>(summary->counts.output_tokens);
    digest = summary->digest;
  }
  state.counters["seq_steps/s"] = benchmark::Counter(tokens, benchmark::Counter::kIsRate);
  state.SetLabel(fmt::format("digest {:016x}", digest));
}

}  // namespace

// Arguments: batch, exact steps.
BENCHMARK_CAPTURE(replica, vllm, eph::models::EngineKind::vllm, false)
    ->ArgsProduct({{8, 64, 256, 1024}, {0, 1}})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(replica, vllm_async, eph::models::EngineKind::vllm, true)
    ->ArgsProduct({{64, 256, 1024}, {0, 1}})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(replica, vllm_outputs_1000, eph::models::EngineKind::vllm, true, 5)
    ->ArgsProduct({{256}, {0, 1}})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(replica, sglang, eph::models::EngineKind::sglang, true)
    ->ArgsProduct({{64, 256}, {0, 1}})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(replica, trtllm, eph::models::EngineKind::trtllm, true)
    ->ArgsProduct({{64, 256}, {0, 1}})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_MAIN();
