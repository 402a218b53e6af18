#pragma once
// Everything that random_scenario leaves off: llama.cpp, the engines' own rules, prefixes in
// common, clients that give up, classes.
#include <algorithm>

#include "tests/support/random_scenario.h"

namespace eph::test {

// Drafts in a third of the systems, of an engine that has them.
inline void draw_speculation(std::uint64_t seed, Scenario& s) {
  using detail::chance;
  using detail::in;
  Stream stream({seed, 0, Purpose::test, 78});
  sim::EngineOptions& e = s.engine();
  if (e.kind == models::EngineKind::llamacpp || !chance(stream, 33)) return;
  sim::SpeculationOptions& o = e.speculation;
  o.drafts = static_cast<std::int32_t>(in(stream, 1, 6));
  o.draft_slots = static_cast<std::int32_t>(chance(stream, 50) ? in(stream, 1, 8) : 0);
  o.drops_last_hit = chance(stream, 50);
  const std::int64_t positions = in(stream, 1, o.drafts);
  const bool sure = chance(stream, 20), never = chance(stream, 20);
  for (std::int64_t i = 0; i < positions; ++i)
    o.acceptance.push_back(sure ? 1 : never ? 0 : stream.unit());
  if (e.kind != models::EngineKind::sglang) return;
  e.async_scheduling = e.mixed_chunk = false;
}

// Data-parallel ranks in a fifth of the systems.
inline void draw_ranks(std::uint64_t seed, Scenario& s) {
  Stream stream({seed, 0, Purpose::test, 79});
  if (s.engine().kind == models::EngineKind::llamacpp || !detail::chance(stream, 20)) return;
  s.config.replica.ranks = static_cast<int>(detail::in(stream, 2, 4));
}

// SGLang's readings, and how alike a slot of llama.cpp must be.
inline void draw_readings(std::uint64_t seed, Scenario& s) {
  Stream stream({seed, 0, Purpose::test, 80});
  sim::EngineOptions& e = s.engine();
  e.sglang.prompts_enter_tree = detail::chance(stream, 60);
  e.sglang.full_until_decode = detail::chance(stream, 40);
  e.sglang.retract_to_headroom = detail::chance(stream, 40);
  e.slot_prompt_similarity = detail::chance(stream, 30) ? 0 : stream.unit();
}

inline void draw_rules(std::uint64_t seed, Scenario& s) {
  using detail::chance;
  using detail::in;
  Stream stream({seed, 0, Purpose::test, 77});
  sim::EngineOptions& e = s.engine();
  if (chance(stream, 15)) {
    e.kind = models::EngineKind::llamacpp;
    e.async_scheduling = false;
    e.max_num_seqs = std::min<std::int64_t>(e.max_num_seqs, s.config.replica.kv.usable_blocks);
    e.continuous_batching = chance(stream, 50);
  }
  e.prefix_caching = chance(stream, 50);
  e.priority_scheduling = chance(stream, 50);
  e.long_prefill_tokens = chance(stream, 40) ? in(stream, 1, 20) : 0;
  e.capacity = static_cast<sim::Capacity>(stream.below(3));
  e.mixed_chunk = e.chunked_prefill && e.chunk_tokens > 0 && chance(stream, 50);
  e.retract_decode_steps = in(stream, 1, 30);
  for (workload::Arrival& a : s.arrivals) a.priority = static_cast<std::int32_t>(stream.below(3));
  draw_speculation(seed, s);
  draw_ranks(seed, s);
  draw_readings(seed, s);
}

// Gives the requests names, groups and conversations out of few.
inline void draw_sharing(Stream& stream, Scenario& s) {
  if (detail::chance(stream, 40)) s.engine().schedule_policy = sim::SchedulePolicy::lpm;
  s.hash_tokens = static_cast<std::int32_t>(detail::in(stream, 3, 20));
  for (workload::Arrival& a : s.arrivals) {
    switch (stream.below(4)) {
      case 0:
        a.stream = stream.below(4);
        break;
      case 1:
        a.prefix_group = static_cast<std::uint32_t>(stream.below(2));
        a.prefix_tokens = static_cast<std::int32_t>(detail::in(stream, 1, a.prompt_tokens));
        break;
      case 2: {
        a.hash_offset = s.hashes.size();
        a.hash_count =
            static_cast<std::uint32_t>((a.prompt_tokens + s.hash_tokens - 1) / s.hash_tokens);
        for (std::uint32_t i = 0; i < a.hash_count; ++i) s.hashes.push_back(stream.below(2));
        break;
      }
      default:
        break;
    }
  }
}

// Patience that some requests live through and some do not; of all, or of single ones, in whole
// microseconds from 1 to a few steps and queues.
inline void draw_patience(Stream& stream, Scenario& s) {
  using detail::chance;
  using detail::in;
  const auto patience = [&stream] {
    return Duration{1000 * in(stream, 1, chance(stream, 50) ? 30'000 : 400'000)};
  };
  s.config.timeout_on = chance(stream, 30) ? sim::TimeoutOn::ttft : sim::TimeoutOn::e2e;
  if (chance(stream, 50)) s.config.client_timeout = patience();
  s.classes = {"a", "b"};
  for (workload::Arrival& a : s.arrivals) {
    if (chance(stream, 30)) a.timeout = patience();
    a.request_class = static_cast<std::uint32_t>(stream.below(2));
  }
}

}  // namespace eph::test
