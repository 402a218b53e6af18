// One replica under a closed loop: sequence-steps per second by engine and batch size; and the
// prefix caches by themselves.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <vector>

#include "core/digest.h"
#include "sim/kv_blocks.h"
#include "sim/prefix_cache.h"
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

// The prefix caches of eight replicas alone: prompts of 24 hashed blocks of 512 tokens, of which
// every third begins like an earlier one, and 2,000 tokens of output.
void prefix_cache(benchmark::State& state, models::EngineKind kind) {
  constexpr std::int64_t kReplicas = 8, kRequests = 40'000, kHashes = 24, kHashTokens = 512;
  constexpr std::int64_t kTokens = kHashes * kHashTokens + 2000;
  sim::EngineOptions options;
  options.kind = kind;
  options.prefix_caching = true;
  const std::int64_t block = kind == models::EngineKind::sglang ? 1 : 16;
  const models::KvPool pool{450'000 / block, block, 450'000 / block};
  std::uint64_t found = 0;
  for (auto _ : state) {
    std::vector<std::unique_ptr<sim::PrefixCache>> caches;
    std::vector<sim::KvBlocks> kv(kReplicas, sim::KvBlocks(pool));
    for (std::int64_t i = 0; i < kReplicas; ++i)
      caches.push_back(sim::make_prefix_cache(options, pool));
    Digest digest;
    for (std::int64_t i = 0; i < kRequests; ++i) {
      std::array<std::uint64_t, kHashes> hashes;
      for (std::int64_t h = 0; h < kHashes; ++h) {
        const std::int64_t like =
            i % 3 == 0 && h < kHashes / 2 ? i - 3 * kReplicas * (1 + i % 5) : i;
        hashes[static_cast<std::size_t>(h)] = static_cast<std::uint64_t>(like * kHashes + h);
      }
      sim::Content content;
      content.hashes = hashes;
      content.hash_tokens = kHashTokens;
      content.shared_tokens = kHashes * kHashTokens;
      content.stream = static_cast<std::uint64_t>(i);
      const auto at = static_cast<std::size_t>(i % kReplicas);
      sim::PrefixCache& cache = *caches[at];
      const sim::SeqId id{0};
      const std::int64_t blocks = kTokens / block;
      const sim::PrefixHit hit = cache.find(content, content.shared_tokens / block);
      bool fits = kv[at].take(hit.idle);
      if (hit.blocks > 0) cache.hold(id, content, hit.blocks);
      fits = fits && kv[at].take(blocks - hit.blocks);
      if (!fits) return state.SkipWithError("the pool is too small");
      cache.take(blocks - hit.blocks);
      cache.forget(blocks - hit.blocks, kv[at].free());
      kv[at].give_back(cache.store(id, content, content.shared_tokens / block, false));
      kv[at].give_back(cache.store(id, content, blocks, false));
      kv[at].give_back(cache.release(id, blocks));
      digest.add(hit.blocks);
    }
    found = digest.value();
  }
  state.counters["requests/s"] = benchmark::Counter(
      static_cast<double>(kRequests * state.iterations()), benchmark::Counter::kIsRate);
  state.SetLabel(fmt::format("digest {:016x}", found));
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
BENCHMARK_CAPTURE(prefix_cache, vllm, eph::models::EngineKind::vllm)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(prefix_cache, sglang, eph::models::EngineKind::sglang)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(prefix_cache, trtllm, eph::models::EngineKind::trtllm)
    ->Unit(benchmark::kMillisecond);

BENCHMARK_MAIN();
