// The prefix caches by themselves: requests per second by engine.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/digest.h"
#include "sim/kv_blocks.h"
#include "sim/prefix_cache.h"

namespace {

using namespace eph;

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

BENCHMARK_CAPTURE(prefix_cache, vllm, eph::models::EngineKind::vllm)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(prefix_cache, sglang, eph::models::EngineKind::sglang)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(prefix_cache, trtllm, eph::models::EngineKind::trtllm)
    ->Unit(benchmark::kMillisecond);

BENCHMARK_MAIN();
