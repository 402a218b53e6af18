#pragma once
// One small simulation: configure, script, run, look at every step and request.
#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "sim/simulation.h"
#include "tests/support/recording_sink.h"
#include "tests/support/scripted_load.h"
#include "tests/support/step_models.h"

namespace eph::test {

struct Scenario {
  sim::SimulationConfig config;
  std::vector<workload::Arrival> arrivals;
  std::vector<std::uint64_t> hashes;  // of all requests one after another
  std::int32_t hash_tokens = 0;
  std::vector<std::string> classes;
  sim::RunOptions options;

  // `usable` KV blocks of `block` tokens; vLLM's null block on top. Synchronous scheduling, no
  // front end.
  explicit Scenario(models::EngineKind kind, const models::StepModel& step,
                    std::int64_t usable = 1000, std::int64_t block = 4) {
    config.replica.step = &step;
    config.replica.engine.kind = kind;
    config.replica.engine.async_scheduling = false;
    config.replica.kv.block_size = block;
    config.replica.kv.usable_blocks = usable;
    config.replica.kv.blocks = usable + (kind == models::EngineKind::vllm ? 1 : 0);
  }
  sim::EngineOptions& engine() { return config.replica.engine; }
  void send(double ms, std::int32_t prompt, std::int32_t output, std::int32_t max_output = 0) {
    arrivals.push_back(request(at_ms(ms), prompt, output, max_output));
  }
  // A prompt of named blocks of `hash_tokens`; equal names have equal names before them.
  void send_named(double ms, const std::vector<std::uint64_t>& names, std::int32_t prompt,
                  std::int32_t output, std::int32_t max_output = 0) {
    send(ms, prompt, output, max_output);
    arrivals.back().hash_offset = hashes.size();
    arrivals.back().hash_count = static_cast<std::uint32_t>(names.size());
    hashes.insert(hashes.end(), names.begin(), names.end());
  }
  // A turn of a conversation.
  void send_turn(double ms, std::uint64_t stream, std::int32_t prompt, std::int32_t output) {
    send(ms, prompt, output);
    arrivals.back().stream = stream;
  }
};

struct Outcome {
  sim::RunSummary summary;
  RecordingSink sink;
  std::vector<std::pair<RequestId, SimTime>> ended;  // as the load was told

  [[nodiscard]] const sim::RequestRecord& request(std::uint64_t id) const {
    for (const auto& r : sink.requests)
      if (index(r.id) == id) return r;
    throw std::out_of_range("no such request");
  }
};

inline Outcome run(const Scenario& scenario) {
  Outcome outcome;
  sim::RunOptions options = scenario.options;
  options.sink = &outcome.sink;
  ScriptedLoad load(scenario.arrivals, scenario.hashes, scenario.hash_tokens);
  load.classes = scenario.classes;
  auto summary = sim::Simulation(scenario.config).run(load, options);
  if (!summary) FAIL(summary.error().text());
  outcome.summary = std::move(*summary);
  outcome.ended = load.ended;
  return outcome;
}

// A step as text: "10..20 0:8 1:6 !2" is a step from 10 to 20 ms with 8 tokens of request 0, 6 of
// request 1, and request 2 preempted.
inline std::string text(const RecordedStep& step) {
  std::string out = fmt::format("{}..{}", static_cast<double>(step.record.start.ns) * 1e-6,
                                static_cast<double>(step.record.end.ns) * 1e-6);
  for (const auto& s : step.scheduled) out += fmt::format(" {}:{}", index(s.id), s.tokens);
  for (const auto id : step.preempted) out += fmt::format(" !{}", index(id));
  return out;
}
inline std::vector<std::string> texts(const Outcome& outcome) {
  std::vector<std::string> out;
  for (const auto& step : outcome.sink.steps) out.push_back(text(step));
  return out;
}

using Steps = std::vector<std::string>;

// Prompt tokens that each request found in the prefix cache, by its number.
using Cached = std::vector<std::int32_t>;
inline Cached cached(const Outcome& o) {
  Cached out(o.sink.requests.size());
  for (const auto& r : o.sink.requests) out[index(r.id)] = r.cached_tokens;
  return out;
}

}  // namespace eph::test
