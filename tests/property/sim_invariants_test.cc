// The invariants of docs/INVARIANTS.md on random systems of the three engines.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <thread>

#include "tests/support/random_scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

std::string describe(const Scenario& s) {
  const sim::EngineOptions& e = s.config.replica.engine;
  return fmt::format(
      "engine {} async {} seqs {} budget {} chunked {} chunk {} blocks {} x {} replicas {}",
      static_cast<int>(e.kind), e.async_scheduling, e.max_num_seqs, e.max_num_batched_tokens,
      e.chunked_prefill, e.chunk_tokens, s.config.replica.kv.usable_blocks,
      s.config.replica.kv.block_size, s.config.replicas);
}

void check_counts(const Scenario& s, const Outcome& o) {
  const sim::RunCounts& c = o.summary.counts;
  REQUIRE(c.arrived == s.arrivals.size());
  REQUIRE(c.arrived == c.finished + c.rejected);  // INV-1, and every request ends
  REQUIRE(o.sink.requests.size() == s.arrivals.size());
  REQUIRE(o.ended.size() == s.arrivals.size());
  std::uint64_t prompt = 0, output = 0;
  for (const sim::RequestRecord& r : o.sink.requests) {
    const workload::Arrival& a = s.arrivals[index(r.id)];
    REQUIRE(r.sent == a.at);
    if (r.status == sim::RequestStatus::rejected) {
      REQUIRE(r.finish > r.sent);
      REQUIRE(r.output_tokens == 0);
      continue;
    }
    REQUIRE(r.output_tokens == a.output_tokens);
    REQUIRE(r.sent <= r.engine_queued);  // INV-4
    REQUIRE(r.engine_queued <= r.engine_scheduled);
    REQUIRE(r.engine_scheduled < r.engine_first_token);
    REQUIRE(r.engine_first_token <= r.engine_finish);
    REQUIRE(r.engine_first_token <= r.first_token);
    REQUIRE(r.first_token <= r.finish);
    if (r.output_tokens == 1) REQUIRE(r.first_token == r.finish);
    prompt += static_cast<std::uint64_t>(a.prompt_tokens);
    output += static_cast<std::uint64_t>(a.output_tokens);
  }
  REQUIRE(c.prompt_tokens == prompt);
  REQUIRE(c.output_tokens == output);  // INV-10
}

// Follows every request through the recorded steps, with nothing but token counts.
class StepReplay {
 public:
  StepReplay(const Scenario& s, const Outcome& o) : scenario_(s), outcome_(o) {}

  void check() {
    for (const RecordedStep& step : outcome_.sink.steps) check_step(step);
    for (const sim::RequestRecord& r : outcome_.sink.requests) {
      if (r.status == sim::RequestStatus::rejected) continue;
      // The last token is sampled, not processed; one slot more may be wasted on an unforeseen end.
      const std::int64_t all = r.prompt_tokens + r.output_tokens - 1;
      const std::int64_t wasted = computed_[index(r.id)] - all;
      REQUIRE(wasted >= 0);
      REQUIRE(wasted <= (scenario_.config.replica.engine.async_scheduling ? 1 : 0));
      REQUIRE(preemptions_[index(r.id)] == r.preemptions);
      check_work_conserving(r);
    }
  }

 private:
  void check_step(const RecordedStep& step) {
    const sim::EngineOptions& engine = scenario_.config.replica.engine;
    const sim::StepRecord& r = step.record;
    auto& steps = intervals_[index(r.replica)];
    REQUIRE(r.step == steps.size());
    REQUIRE(r.start < r.end);
    if (!steps.empty()) REQUIRE(r.start >= steps.back().second);  // INV-2
    steps.emplace_back(r.start, r.end);
    for (const RequestId id : step.preempted) {
      // Preempted with its last token in flight, it never comes back.
      if (outcome_.request(index(id)).engine_finish > r.start) computed_[index(id)] = 0;
      ++preemptions_[index(id)];
    }
    std::int64_t tokens = 0;
    std::set<std::uint64_t> seen;
    for (const sim::ScheduledTokens& entry : step.scheduled) {
      REQUIRE(seen.insert(index(entry.id)).second);
      REQUIRE(entry.tokens >= 1);
      tokens += entry.tokens;
      computed_[index(entry.id)] += entry.tokens;
    }
    REQUIRE(tokens == r.shape.tokens());
    REQUIRE(static_cast<std::size_t>(r.shape.seqs()) == step.scheduled.size());
    REQUIRE(tokens >= 1);
    REQUIRE(r.running <= engine.max_num_seqs);
    if (engine.kind != models::EngineKind::sglang) REQUIRE(tokens <= engine.max_num_batched_tokens);
    if (engine.kind == models::EngineKind::sglang)
      REQUIRE((r.shape.prefill_seqs == 0 || r.shape.decode_seqs == 0));
    if (engine.kind == models::EngineKind::trtllm) REQUIRE(step.preempted.empty());
    REQUIRE(r.kv_blocks_used >= 1);
    REQUIRE(r.kv_blocks_used <= scenario_.config.replica.kv.usable_blocks);  // INV-3
  }

  // INV-5: from the moment the scheduler can see it to its end, its replica never idles.
  void check_work_conserving(const sim::RequestRecord& r) {
    SimTime covered = r.engine_queued;
    for (const auto& [start, end] : intervals_[index(r.replica)])
      if (start <= covered && end > covered) covered = end;
    REQUIRE(covered >= r.engine_finish);
  }

  const Scenario& scenario_;
  const Outcome& outcome_;
  std::map<std::uint64_t, std::int64_t> computed_;
  std::map<std::uint64_t, std::int32_t> preemptions_;
  std::map<std::uint32_t, std::vector<std::pair<SimTime, SimTime>>> intervals_;
};

// INV-9, exactly: the time integral of a number of requests is the sum of the times they spend
// there. The scheduler's queues change when steps are composed, so they are compared where that is
// a step's start.
void check_little(const Scenario& s, const Outcome& o) {
  double in_system = 0, waiting = 0, running = 0;
  SimTime first = SimTime::never(), end{};
  for (const sim::RequestRecord& r : o.sink.requests) {
    in_system += (r.finish - r.sent).seconds();
    first = std::min(first, r.sent);
    end = std::max(end, r.finish);
    if (r.status == sim::RequestStatus::rejected) continue;
    waiting += (r.engine_scheduled - r.engine_queued).seconds();
    running += (r.engine_finish - r.engine_scheduled).seconds();
  }
  for (const RecordedStep& step : o.sink.steps) end = std::max(end, step.record.end);
  const double window = (end - first).seconds();
  REQUIRE(o.summary.mean_in_system * window == Approx(in_system).epsilon(1e-9));
  if (s.config.replica.engine.async_scheduling || o.summary.counts.preemptions > 0) return;
  REQUIRE(o.summary.mean_waiting * window == Approx(waiting).epsilon(1e-9).margin(1e-12));
  REQUIRE(o.summary.mean_running * window == Approx(running).epsilon(1e-9).margin(1e-12));
}

// Blocks held after composing, from token counts alone: valid where results are known at once.
void check_blocks(const Scenario& s, const Outcome& o) {
  const std::int64_t block = s.config.replica.kv.block_size;
  std::map<std::uint64_t, std::int64_t> computed;
  for (const RecordedStep& step : o.sink.steps) {
    for (const RequestId id : step.preempted) computed.erase(index(id));
    for (const sim::ScheduledTokens& entry : step.scheduled)
      computed[index(entry.id)] += entry.tokens;
    std::int64_t blocks = 0;
    for (const auto& [id, n] : computed) {
      const sim::RequestRecord& r = o.request(id);
      if (r.replica == step.record.replica && r.engine_finish > step.record.start)
        blocks += (n + block - 1) / block;
    }
    REQUIRE(step.record.kv_blocks_used == blocks);
  }
}

}  // namespace

TEST_CASE("invariants hold on random systems") {
  const bool front_end = GENERATE(false, true);
  std::uint64_t preempting = 0, rejecting = 0;
  for (const std::uint64_t seed : seeds(400)) {
    const RandomScenario random = random_scenario(seed, front_end);
    INFO("EPH_SEED=" << seed << " front end " << front_end << ": " << describe(random.scenario));
    const Outcome o = run(random.scenario);
    check_counts(random.scenario, o);
    StepReplay(random.scenario, o).check();
    check_little(random.scenario, o);
    if (!random.scenario.config.replica.engine.async_scheduling) check_blocks(random.scenario, o);
    preempting += o.summary.counts.preemptions > 0 ? 1 : 0;
    rejecting += o.summary.counts.rejected > 0 ? 1 : 0;
  }
  if (std::getenv("EPH_SEED") == nullptr) {  // the systems are tight enough to mean something
    CHECK(preempting > 40);
    CHECK(rejecting > 40);
  }
}

TEST_CASE("INV-8: the same input gives the same digest, watched or not") {
  for (const std::uint64_t seed : seeds(100)) {
    INFO("EPH_SEED=" << seed);
    const RandomScenario random = random_scenario(seed, true);
    const std::uint64_t digest = run(random.scenario).summary.digest;
    CHECK(run(random.scenario).summary.digest == digest);
    ScriptedLoad load(random.scenario.arrivals);
    sim::Simulation unwatched(random.scenario.config);
    CHECK(unwatched.run(load, {})->digest == digest);
  }
}

TEST_CASE("INV-8: runs side by side do not touch each other") {
  for (const std::uint64_t seed : seeds(10)) {
    INFO("EPH_SEED=" << seed);
    const RandomScenario random = random_scenario(seed, true);
    std::array<std::uint64_t, 4> digests{};
    std::vector<std::thread> threads;
    for (std::uint64_t& digest : digests)
      threads.emplace_back([&random, &digest] {
        ScriptedLoad load(random.scenario.arrivals);
        digest = sim::Simulation(random.scenario.config).run(load, {})->digest;
      });
    for (std::thread& thread : threads) thread.join();
    for (const std::uint64_t digest : digests) CHECK(digest == digests[0]);
  }
}
