// Prefix caching in random systems of the three engines whose requests share what they can.
#include <map>

#include "tests/support/random_rules.h"

using namespace eph;
using namespace eph::test;

namespace {

RandomScenario shared_scenario(std::uint64_t seed) {
  RandomScenario random = random_scenario(seed, seed % 2 == 0);
  Stream stream({seed, 3, Purpose::test, 0});
  random.scenario.engine().prefix_caching = true;
  draw_sharing(stream, random.scenario);
  return random;
}

// Leading tokens that two requests have in common, by what the load says of them.
std::int64_t common(const Scenario& s, const workload::Arrival& a, const workload::Arrival& b) {
  const std::int64_t whole = a.prompt_tokens + a.output_tokens,
                     other = b.prompt_tokens + b.output_tokens;
  if (a.stream != workload::kNoStream && a.stream == b.stream) return std::min(whole, other);
  if (a.prefix_tokens > 0 && a.prefix_group == b.prefix_group)
    return std::min(a.prefix_tokens, b.prefix_tokens);
  std::int64_t tokens = 0;
  for (std::uint32_t i = 0; i < std::min(a.hash_count, b.hash_count); ++i) {
    if (s.hashes[a.hash_offset + i] != s.hashes[b.hash_offset + i]) break;
    tokens += s.hash_tokens;
  }
  return std::min<std::int64_t>({tokens, a.prompt_tokens, b.prompt_tokens});
}

std::string describe(const Scenario& s) {
  const sim::EngineOptions& e = s.config.replica.engine;
  return fmt::format("engine {} async {} seqs {} budget {} chunked {} chunk {} blocks {} x {}",
                     static_cast<int>(e.kind), e.async_scheduling, e.max_num_seqs,
                     e.max_num_batched_tokens, e.chunked_prefill, e.chunk_tokens,
                     s.config.replica.kv.usable_blocks, s.config.replica.kv.block_size);
}

void check_request(const Scenario& s, const Outcome& o, const sim::RequestRecord& r,
                   std::int64_t scheduled) {
  const workload::Arrival& a = s.arrivals[index(r.id)];
  REQUIRE(r.cached_tokens >= 0);
  REQUIRE(r.cached_tokens < a.prompt_tokens);
  REQUIRE(r.cached_tokens % s.config.replica.kv.block_size == 0);
  std::int64_t most = 0;
  for (const sim::RequestRecord& earlier : o.sink.requests) {
    if (earlier.id == r.id || earlier.replica != r.replica) continue;
    if (earlier.engine_scheduled <= r.engine_scheduled)
      most = std::max(most, common(s, a, s.arrivals[index(earlier.id)]));
  }
  REQUIRE(r.cached_tokens <= most);
  if (r.preemptions > 0) return;
  // What was not found was computed, the last token excepted; one slot may be wasted at the end.
  const std::int64_t wasted = scheduled + r.cached_tokens - (r.prompt_tokens + r.output_tokens - 1);
  REQUIRE(wasted >= 0);
  REQUIRE(wasted <= (s.config.replica.engine.async_scheduling ? 1 : 0));
}

}  // namespace

// That no block leaks is asserted whenever a replica idles (INV-3), so in every run at least once.
TEST_CASE("with prefix caching every request ends, with what it shares found or computed") {
  std::uint64_t hits = 0, preempting = 0;
  for (const std::uint64_t seed : seeds(3000)) {
    const RandomScenario random = shared_scenario(seed);
    INFO("EPH_SEED=" << seed << ": " << describe(random.scenario));
    const Outcome o = run(random.scenario);
    const sim::RunCounts& c = o.summary.counts;
    REQUIRE(c.arrived == random.scenario.arrivals.size());
    REQUIRE(c.arrived == c.finished + c.rejected);
    std::map<std::uint64_t, std::int64_t> scheduled;
    for (const RecordedStep& step : o.sink.steps) {
      REQUIRE(step.record.kv_blocks_used <= random.scenario.config.replica.kv.usable_blocks);
      for (const sim::ScheduledTokens& entry : step.scheduled)
        scheduled[index(entry.id)] += entry.tokens;
    }
    std::uint64_t cached = 0;
    for (const sim::RequestRecord& r : o.sink.requests) {
      if (r.status == sim::RequestStatus::rejected) continue;
      check_request(random.scenario, o, r, scheduled[index(r.id)]);
      cached += static_cast<std::uint64_t>(r.cached_tokens);
    }
    REQUIRE(c.cached_tokens == cached);
    hits += cached > 0 ? 1 : 0;
    preempting += c.preemptions > 0 ? 1 : 0;
  }
  if (std::getenv("EPH_SEED") == nullptr) {  // the systems are such that it means something
    CHECK(hits > 1500);
    CHECK(preempting > 300);
  }
}

TEST_CASE("INV-8: prefix caching is deterministic") {
  for (const std::uint64_t seed : seeds(100)) {
    INFO("EPH_SEED=" << seed);
    const RandomScenario random = shared_scenario(seed);
    CHECK(run(random.scenario).summary.digest == run(random.scenario).summary.digest);
  }
}

TEST_CASE("caching what nobody shares changes nothing where nothing is preempted") {
  std::uint64_t compared = 0;
  for (const std::uint64_t seed : seeds(1000)) {
    INFO("EPH_SEED=" << seed);
    RandomScenario random = random_scenario(seed, seed % 2 == 0);
    const Outcome off = run(random.scenario);
    random.scenario.engine().prefix_caching = true;
    const Outcome on = run(random.scenario);
    if (off.summary.counts.preemptions > 0) continue;
    ++compared;
    REQUIRE(on.summary.digest == off.summary.digest);
    REQUIRE(on.summary.peak_kv_used == off.summary.peak_kv_used);
  }
  if (std::getenv("EPH_SEED") == nullptr) CHECK(compared > 500);
}
