// The future-event list alone: the ceiling of what a simulation can do in events per second.
// Hold model (Vaucher and Duval 1975): take the next event, put one in at a random time after it.
// All queues print the same digest of what they gave.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cmath>

#include "bench/queues.h"
#include "core/digest.h"
#include "core/rng.h"
#include "sim/event_queue.h"

namespace {

using namespace eph;
using sim::EventClass;

constexpr std::size_t kDraws = 1 << 14;

// Nanoseconds, log-uniform from 10 us to 40 ms as of transfers and steps; drawn beforehand, so that
// the queue alone is measured.
std::vector<std::int64_t> draws() {
  Stream stream({.seed = 6, .purpose = Purpose::test});
  std::vector<std::int64_t> out(kDraws);
  for (std::int64_t& d : out) {
    const double exponent = 4.0 + 3.6 * stream.unit_open();
    d = static_cast<std::int64_t>(std::pow(10.0, exponent));
  }
  return out;
}

// sim's queue through the interface of the others.
class Simulations {
 public:
  void push(std::uint64_t key, std::uint32_t target) {
    queue_.push(SimTime{static_cast<std::int64_t>(key >> 8)}, EventClass::visible, target);
  }
  sim::Event pop() { return queue_.pop(); }

 private:
  sim::EventQueue queue_;
};

std::uint64_t key_at(std::int64_t ns) {
  return sim::Event::key_of(SimTime{ns}, EventClass::visible);
}

template <class Queue, bool kFused = false>
void hold(benchmark::State& state) {
  const auto pending = static_cast<std::size_t>(state.range(0));
  const std::vector<std::int64_t> after = draws();
  constexpr std::int64_t kHolds = 200'000;
  std::uint64_t digest = 0;
  for (auto _ : state) {
    Queue queue;
    std::size_t draw = 0;
    for (std::size_t i = 0; i < pending; ++i)
      queue.push(key_at(after[draw++ % kDraws]), static_cast<std::uint32_t>(i));
    Digest all;
    for (std::int64_t i = 0; i < kHolds; ++i) {
      const std::int64_t gap = after[draw++ % kDraws];
      if constexpr (kFused) {
        const sim::Event event = queue.next();
        all.add(event.key ^ event.target);
        queue.replace_top(key_at(event.at().ns + gap), event.target);
      } else {
        const sim::Event event = queue.pop();
        all.add(event.key ^ event.target);
        queue.push(key_at(event.at().ns + gap), event.target);
      }
    }
    digest = all.value();
  }
  state.counters["events/s"] = benchmark::Counter(
      static_cast<double>(kHolds * static_cast<std::int64_t>(state.iterations())),
      benchmark::Counter::kIsRate);
  state.SetLabel(fmt::format("digest {:016x}", digest));
}

void pendings(benchmark::internal::Benchmark* b) {
  for (const int pending : {16, 256, 4096, 65536}) b->Arg(pending);
  b->Unit(benchmark::kMillisecond);
}

}  // namespace

BENCHMARK_TEMPLATE(hold, Simulations)->Name("queue/simulation")->Apply(pendings);
BENCHMARK_TEMPLATE(hold, eph::bench::DaryHeap<2>)->Name("queue/binary")->Apply(pendings);
BENCHMARK_TEMPLATE(hold, eph::bench::DaryHeap<4>)->Name("queue/4-ary")->Apply(pendings);
BENCHMARK_TEMPLATE(hold, eph::bench::DaryHeap<8>)->Name("queue/8-ary")->Apply(pendings);
BENCHMARK_TEMPLATE(hold, eph::bench::DaryHeap<4>, true)->Name("queue/4-ary fused")->Apply(pendings);
BENCHMARK_TEMPLATE(hold, eph::bench::RadixHeap)->Name("queue/radix")->Apply(pendings);
BENCHMARK_TEMPLATE(hold, eph::bench::StandardQueue)->Name("queue/std")->Apply(pendings);
BENCHMARK_MAIN();
