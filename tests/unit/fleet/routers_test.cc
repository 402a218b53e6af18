// Routers by count: one step takes 10 ms.
#include <map>

#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

struct Fleet {
  ConstantStepModel step{0.010};
  Scenario s{models::EngineKind::vllm, step, 100'000};

  Fleet(sim::RouterKind kind, int replicas) {
    s.config.router = kind;
    s.config.replicas = replicas;
  }
};

std::vector<std::uint32_t> replicas(const Outcome& o) {
  std::vector<std::uint32_t> out(o.sink.requests.size());
  for (const auto& r : o.sink.requests) out[index(r.id)] = index(r.replica);
  return out;
}

using Replicas = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("Fewest outstanding tokens looks at prompts, not at requests", "[fleet][router]") {
  Fleet f(sim::RouterKind::least_tokens, 2);
  f.s.send(0, 100, 5);
  f.s.send(0, 10, 5);
  f.s.send(0, 10, 5);
  f.s.send(0, 90, 5);  // 100 against 20
  f.s.send(0, 10, 5);  // 100 against 110
  CHECK(replicas(run(f.s)) == Replicas{0, 1, 1, 1, 0});
}

TEST_CASE("A gateway with old news sends a burst to one replica", "[fleet][router]") {
  Fleet f(sim::RouterKind::least_outstanding, 2);
  f.s.config.routing.staleness = Duration::from_seconds(1);
  for (const double ms : {100., 200., 300., 1100., 1200.}) f.s.send(ms, 4, 200);
  // Until 1 s all replicas seem empty; then replica 0 has three.
  CHECK(replicas(run(f.s)) == Replicas{0, 0, 0, 1, 1});
}

TEST_CASE("What a gateway sees at a scrape is what held at it", "[fleet][router]") {
  Fleet f(sim::RouterKind::least_outstanding, 2);
  f.s.config.routing.staleness = Duration::from_seconds(1);
  f.s.send(100, 4, 95);  // replica 0: 100..1050 ms
  f.s.send(1100, 4, 1);  // at 1 s it was there
  f.s.send(2100, 4, 1);  // at 2 s nobody was
  CHECK(replicas(run(f.s)) == Replicas{0, 1, 0});
}

TEST_CASE("Random routing is even, and its own for every request", "[fleet][router]") {
  Fleet f(sim::RouterKind::random, 4);
  for (int i = 0; i < 4000; ++i) f.s.send(i, 4, 1);
  std::map<std::uint32_t, int> count;
  for (const std::uint32_t r : replicas(run(f.s))) ++count[r];
  REQUIRE(count.size() == 4);
  for (const auto& [replica, n] : count) {  // 1000 +- 4 standard deviations of 27
    CHECK(n > 890);
    CHECK(n < 1110);
  }
}

TEST_CASE("The better of two is better than one", "[fleet][router]") {
  Fleet random(sim::RouterKind::random, 20), two(sim::RouterKind::power_of_two, 20);
  for (Fleet* f : {&random, &two}) {
    f->s.config.replica.engine.max_num_seqs = 1;
    for (int i = 0; i < 4000; ++i) f->s.send(0.6 * i, 4, 1);  // 83 % of what they can do
  }
  const Outcome a = run(random.s), b = run(two.s);
  // Mitzenmacher 2001: the longest queue of n shrinks from log n to log log n.
  CHECK(b.summary.ttft.quantile_s(0.95) < 0.6 * a.summary.ttft.quantile_s(0.95));
}

TEST_CASE("A session stays with its replica while that is not overloaded", "[fleet][router]") {
  Fleet f(sim::RouterKind::session_affinity, 4);
  for (int i = 0; i < 200; ++i) {
    f.s.send(100 * i, 4, 1);
    f.s.arrivals.back().session = static_cast<std::uint64_t>(i % 10);
  }
  const Outcome o = run(f.s);
  std::map<std::uint64_t, std::uint32_t> home;
  for (const auto& r : o.sink.requests) {
    const auto session = index(r.id) % 10;
    if (home.contains(session)) CHECK(home[session] == index(r.replica));
    home[session] = index(r.replica);
  }
  std::map<std::uint32_t, int> used;
  for (const auto& [session, replica] : home) ++used[replica];
  CHECK(used.size() >= 2);
}

TEST_CASE("A session that is too hot spills over", "[fleet][router]") {
  Fleet f(sim::RouterKind::session_affinity, 4);
  for (int i = 0; i < 20; ++i) {
    f.s.send(0, 4, 50);
    f.s.arrivals.back().session = 7;
  }
  std::map<std::uint32_t, int> count;
  for (const std::uint32_t r : replicas(run(f.s))) ++count[r];
  // At most ceil(1.25 * 20 / 4) = 7 each.
  for (const auto& [replica, n] : count) CHECK(n <= 7);
  CHECK(count.size() >= 3);
}
