// The hot loop takes no memory: counted by replacing the global operator new of this test binary.
#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/support/closed_load.h"
#include "tests/support/scenario.h"

namespace {

std::atomic<std::uint64_t> allocations{0};

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

using namespace eph;
using namespace eph::test;

TEST_CASE("a run ten times as long allocates no more than growing arrays do") {
  const auto kind =
      GENERATE(models::EngineKind::vllm, models::EngineKind::sglang, models::EngineKind::trtllm);
  const bool caching = GENERATE(false, true);
  CAPTURE(static_cast<int>(kind), caching);
  const LinearStepModel step(5e-3, 2e-5, 1e-5, 1e-9);
  Scenario s(kind, step, 16 * 8, 16);  // tight: the first two engines preempt
  s.engine().async_scheduling = true;
  s.engine().max_num_seqs = 16;
  s.engine().prefix_caching = caching;
  s.engine().new_token_ratio_init = s.engine().new_token_ratio_min = 0.1;
  s.config.replica.front_end = {0.001, 0.001, 0.0005, 0.0005, 1e-6, 1e-5};
  const auto count = [&](std::int64_t requests) {
    ClosedLoad load({20, requests, 100, 50, 150, caching ? 60 : 0});
    const std::uint64_t before = allocations;
    const auto summary = sim::Simulation(s.config).run(load, {});
    REQUIRE(summary.has_value());
    if (kind != models::EngineKind::trtllm) CHECK(summary->counts.preemptions > 0);
    return std::pair(allocations - before, summary->counts.steps);
  };
  const auto [short_allocations, short_steps] = count(200);
  const auto [long_allocations, long_steps] = count(2000);
  // Doubling arrays: latencies of four kinds and gaps of tokens, each four times longer thrice at
  // most, and the points of the backlog.
  CHECK(long_steps > 9 * short_steps);
  CHECK(long_allocations <= short_allocations + 24);
}
