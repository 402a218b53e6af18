// The invariants of docs/INVARIANTS.md with everything drawn: all engines and their own rules,
// chunks, capacity policies, priorities, prefixes in common, clients that give up.
#include <map>
#include <set>

#include "tests/support/random_rules.h"

using namespace eph;
using namespace eph::test;

namespace {

RandomScenario any_scenario(std::uint64_t seed) {
  RandomScenario random = random_scenario(seed, seed % 2 == 0);
  draw_rules(seed, random.scenario);
  Stream stream({seed, 4, Purpose::test, 0});
  draw_sharing(stream, random.scenario);
  if (seed % 4 != 3) draw_patience(stream, random.scenario);
  return random;
}

std::string describe(const Scenario& s) {
  const sim::EngineOptions& e = s.config.replica.engine;
  return fmt::format(
      "engine {} async {} seqs {} budget {} chunked {} chunk {} mixed {} capacity {} priority {} "
      "caching {} blocks {} x {} replicas {} timeout {} ns",
      static_cast<int>(e.kind), e.async_scheduling, e.max_num_seqs, e.max_num_batched_tokens,
      e.chunked_prefill, e.chunk_tokens, e.mixed_chunk, static_cast<int>(e.capacity),
      e.priority_scheduling, e.prefix_caching, s.config.replica.kv.usable_blocks,
      s.config.replica.kv.block_size, s.config.replicas, s.config.client_timeout.ns);
}

// One comparison, one assertion: thousands of cases have millions of them.
void need(bool holds, const char* what, std::uint64_t number) {
  if (!holds) FAIL(what << " (" << number << ")");
}

Duration patience_of(const Scenario& s, const workload::Arrival& a) {
  return a.timeout > Duration::zero() ? a.timeout : s.config.client_timeout;
}

void check_cancelled(const Scenario& s, const sim::RequestRecord& r) {
  const std::uint64_t id = index(r.id);
  const workload::Arrival& a = s.arrivals[id];
  need(r.finish - r.sent == patience_of(s, a), "gave up at another time", id);
  need(r.output_tokens >= 0 && r.output_tokens <= a.output_tokens, "tokens of a cancelled", id);
  if (r.first_token != SimTime::never()) {
    need(r.engine_first_token <= r.first_token && r.first_token <= r.finish, "first token", id);
    need(s.config.timeout_on == sim::TimeoutOn::e2e, "gave up with a first token", id);
  }
  if (r.engine_queued == SimTime::never()) return;
  need(r.engine_queued <= r.engine_finish, "left before it was there", id);
}

void check_finished(const Scenario& s, const sim::RequestRecord& r) {
  const std::uint64_t id = index(r.id);
  const workload::Arrival& a = s.arrivals[id];
  need(r.output_tokens == a.output_tokens, "INV-10", id);
  need(r.sent <= r.engine_queued && r.engine_queued <= r.engine_scheduled &&
           r.engine_scheduled < r.engine_first_token && r.engine_first_token <= r.engine_finish &&
           r.engine_first_token <= r.first_token && r.first_token <= r.finish,
       "INV-4", id);
  const Duration patience = patience_of(s, a);
  if (patience == Duration::zero()) return;
  const bool whole = s.config.timeout_on == sim::TimeoutOn::e2e;
  need((whole ? r.e2e() : r.ttft()) <= patience, "outlived its client", id);
}

void check_requests(const Scenario& s, const Outcome& o) {
  const sim::RunCounts& c = o.summary.counts;
  need(c.arrived == s.arrivals.size(), "sent", c.arrived);
  need(c.arrived == c.finished + c.rejected + c.cancelled, "INV-1", c.finished);
  need(o.sink.requests.size() == s.arrivals.size(), "records", o.sink.requests.size());
  need(o.ended.size() == s.arrivals.size(), "ends told", o.ended.size());
  std::map<std::uint64_t, SimTime> told;
  for (const auto& [id, at] : o.ended) told[index(id)] = at;
  std::uint64_t cancelled = 0, wasted = 0;
  for (const sim::RequestRecord& r : o.sink.requests) {
    need(told.at(index(r.id)) == r.finish, "end told at another time", index(r.id));
    if (r.status == sim::RequestStatus::finished) check_finished(s, r);
    if (r.status != sim::RequestStatus::cancelled) continue;
    check_cancelled(s, r);
    ++cancelled;
    wasted += static_cast<std::uint64_t>(r.output_tokens);
  }
  need(c.cancelled == cancelled && c.wasted_output_tokens == wasted, "cancelled", cancelled);
  std::uint64_t of_classes = 0;
  for (const sim::ClassSummary& one : o.summary.classes) {
    need(one.unfinished() == 0, "INV-1 of a class", one.arrived);
    of_classes += one.arrived;
  }
  need(s.classes.empty() || of_classes == c.arrived, "classes", of_classes);
}

// Steps of one replica, and who was in them.
struct Lane {
  SimTime end{};
  std::vector<std::pair<SimTime, SimTime>> stretches;  // without a gap
};

void check_step(const Scenario& s, const RecordedStep& step, Lane& lane) {
  const sim::StepRecord& r = step.record;
  need(r.start < r.end && r.start >= lane.end, "INV-2: steps overlap", r.step);
  if (lane.stretches.empty() || r.start > lane.end)
    lane.stretches.emplace_back(r.start, r.end);
  else
    lane.stretches.back().second = r.end;
  lane.end = r.end;
  std::set<std::uint64_t> seen;
  std::int64_t tokens = 0;
  for (const sim::ScheduledTokens& entry : step.scheduled) {
    need(seen.insert(index(entry.id)).second, "twice in a step", index(entry.id));
    need(entry.tokens >= 1, "nothing scheduled", index(entry.id));
    tokens += entry.tokens;
  }
  need(tokens == r.shape.tokens() && tokens >= 1, "tokens of a step", r.step);
  need(r.running <= s.config.replica.engine.max_num_seqs * s.config.replica.ranks, "running",
       r.step);
  need(r.kv_blocks_used >= 1 &&
           r.kv_blocks_used <= s.config.replica.kv.usable_blocks * s.config.replica.ranks,
       "INV-3", r.step);
}

void check_steps(const Scenario& s, const Outcome& o) {
  std::vector<Lane> lanes(static_cast<std::size_t>(s.config.replicas));
  std::vector<const sim::RequestRecord*> records(s.arrivals.size());
  for (const sim::RequestRecord& r : o.sink.requests) records[index(r.id)] = &r;
  std::vector<int> late(s.arrivals.size(), 0);
  for (const RecordedStep& step : o.sink.steps) {
    check_step(s, step, lanes[index(step.record.replica)]);
    for (const sim::ScheduledTokens& entry : step.scheduled)
      if (step.record.start >= records[index(entry.id)]->engine_finish) ++late[index(entry.id)];
  }
  for (const sim::RequestRecord& r : o.sink.requests) {
    // One step may have been composed ahead for a request that then left.
    need(late[index(r.id)] <= (s.config.replica.engine.async_scheduling ? 1 : 0),
         "worked on after it left", index(r.id));
    if (r.engine_queued == SimTime::never()) continue;
    // INV-5: its replica never idles while it is there.
    bool covered = r.engine_finish == r.engine_queued;
    for (const auto& [start, end] : lanes[index(r.replica)].stretches)
      covered = covered || (start <= r.engine_queued && r.engine_finish <= end);
    need(covered, "INV-5: its replica idled", index(r.id));
  }
}

// INV-9. With a front end the run may end with something that no record shows.
void check_little(const Scenario& s, const Outcome& o) {
  const models::FrontEnd& f = s.config.replica.front_end;
  if (f.client_in_s + f.client_out_s + f.client_token_s + f.jitter_mean_s + f.request_s +
          f.prompt_token_s + f.output_token_s >
      0)
    return;
  double in_system = 0;
  SimTime end{};
  for (const sim::RequestRecord& r : o.sink.requests) {
    in_system += (r.finish - r.sent).seconds();
    end = std::max(end, r.finish);
  }
  for (const RecordedStep& step : o.sink.steps) end = std::max(end, step.record.end);
  const double window = (end - s.arrivals.front().at).seconds();
  REQUIRE(o.summary.mean_in_system * window == Approx(in_system).epsilon(1e-9));
}

}  // namespace

// That no block leaks is asserted whenever a replica idles (INV-3), so in every run at least once.
TEST_CASE("invariants hold with every rule of every engine drawn") {
  std::uint64_t cancelling = 0, working = 0, preempting = 0, hits = 0;
  std::array<std::uint64_t, 4> engines{};
  const std::vector<std::uint64_t> all = seeds(10'000);
  for (const std::uint64_t seed : all) {
    const RandomScenario random = any_scenario(seed);
    const Scenario& s = random.scenario;
    INFO("EPH_SEED=" << seed << ": " << describe(s));
    const Outcome o = run(s);
    check_requests(s, o);
    check_steps(s, o);
    check_little(s, o);
    if (seed % 4 == 0) {  // INV-8
      ScriptedLoad load(s.arrivals, s.hashes, s.hash_tokens);
      load.classes = s.classes;
      const auto again = sim::Simulation(s.config).run(load, {});
      need(again->digest == o.summary.digest, "INV-8: another digest", seed);
    }
    const sim::RunCounts& c = o.summary.counts;
    cancelling += c.cancelled > 0 ? 1 : 0;
    working += c.wasted_output_tokens > 0 ? 1 : 0;
    preempting += c.preemptions > 0 ? 1 : 0;
    hits += c.cached_tokens > 0 ? 1 : 0;
    ++engines[static_cast<std::size_t>(s.config.replica.engine.kind)];
  }
  WARN("seeds " << all.front() << " to " << all.back() << ": " << cancelling << " with cancelled, "
                << working << " with wasted tokens, " << preempting << " with preemptions, " << hits
                << " with cache hits");
  if (std::getenv("EPH_SEED") != nullptr) return;
  CHECK(cancelling > 3000);
  CHECK(working > 2000);
  CHECK(preempting > 1000);
  CHECK(hits > 1000);
  for (const std::uint64_t count : engines) CHECK(count > 1000);
}

TEST_CASE("a faster machine never slows a lone request, under any rule") {
  for (const std::uint64_t seed : seeds(1000)) {
    INFO("EPH_SEED=" << seed);
    RandomScenario random = any_scenario(seed);
    Scenario& s = random.scenario;
    s.arrivals.resize(1);
    s.arrivals.front().timeout = {};
    s.config.client_timeout = {};
    const Outcome slow = run(s);
    const LinearStepModel fast(1e-5, 0, 0);
    s.config.replica.step = &fast;
    const Outcome quick = run(s);
    need(quick.request(0).status == slow.request(0).status, "another end", seed);
    need(quick.request(0).finish <= slow.request(0).finish, "finishes later", seed);
    if (quick.request(0).status == sim::RequestStatus::finished)
      need(quick.request(0).first_token <= slow.request(0).first_token, "starts later", seed);
  }
}
