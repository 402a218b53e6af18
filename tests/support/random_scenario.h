#pragma once
// Small random systems, tight on purpose: few blocks, small budgets, bursts.
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/rng.h"
#include "core/text.h"
#include "tests/support/scenario.h"

namespace eph::test {

// The seeds of a random test: 1..count, or the one in EPH_SEED to repeat a failure.
inline std::vector<std::uint64_t> seeds(std::uint64_t count) {
  if (const char* text = std::getenv("EPH_SEED"))
    if (const auto seed = parse_int(text)) return {static_cast<std::uint64_t>(*seed)};
  std::vector<std::uint64_t> all;
  for (std::uint64_t seed = 1; seed <= count; ++seed) all.push_back(seed);
  return all;
}

struct RandomScenario {
  std::unique_ptr<LinearStepModel> step;
  Scenario scenario;
};

namespace detail {

inline std::int64_t in(Stream& stream, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(high - low + 1)));
}
inline bool chance(Stream& stream, std::uint64_t percent) { return stream.below(100) < percent; }

inline void draw_engine(Stream& stream, sim::EngineOptions& engine, std::int64_t block) {
  engine.async_scheduling = chance(stream, 50);
  engine.max_num_seqs = in(stream, 1, 12);
  engine.max_num_batched_tokens = in(stream, 16, 80);
  engine.chunked_prefill = chance(stream, 75);
  engine.chunk_tokens = chance(stream, 80) ? in(stream, block, 40) : 0;
  engine.reserve_full_prompt = chance(stream, 60);
  engine.watermark = chance(stream, 30) ? 0.1 : 0.0;
  engine.new_token_ratio_init = chance(stream, 50) ? 0.7 : 0.1;
  engine.new_token_ratio_min = engine.new_token_ratio_init * 0.14;
  engine.new_token_ratio_decay_steps = chance(stream, 50) ? 600 : 5;
  engine.clip_max_new_tokens = chance(stream, 70) ? 4096 : 8;
}

inline void draw_front_end(Stream& stream, models::FrontEnd& front_end) {
  const auto time = [&stream] {
    return chance(stream, 70) ? 1e-6 * static_cast<double>(stream.below(4000)) : 0.0;
  };
  front_end = {time(),
               time(),
               time(),
               time(),
               1e-6 * static_cast<double>(stream.below(20)),
               1e-6 * static_cast<double>(stream.below(400))};
}

}  // namespace detail

inline RandomScenario random_scenario(std::uint64_t seed, bool with_front_end) {
  using detail::chance;
  using detail::in;
  Stream stream({seed, 0, Purpose::test, with_front_end ? 1U : 0U});
  // Whole microseconds and nanoseconds, so that sums round to what a hand would get.
  auto step = std::make_unique<LinearStepModel>(1e-6 * static_cast<double>(in(stream, 100, 9000)),
                                                1e-6 * static_cast<double>(in(stream, 0, 300)),
                                                1e-6 * static_cast<double>(in(stream, 0, 300)),
                                                1e-9 * static_cast<double>(in(stream, 0, 900)));
  const auto kind = static_cast<models::EngineKind>(stream.below(3));
  const std::int64_t block = std::vector<std::int64_t>{1, 4, 16}[stream.below(3)];
  const std::int64_t tokens = in(stream, 64, 400);
  Scenario s(kind, *step, (tokens + block - 1) / block, block);
  detail::draw_engine(stream, s.engine(), block);
  if (with_front_end) detail::draw_front_end(stream, s.config.replica.front_end);
  s.config.replicas = static_cast<int>(in(stream, 1, 3));
  s.config.router =
      chance(stream, 50) ? sim::RouterKind::round_robin : sim::RouterKind::least_outstanding;
  s.config.seed = seed;
  const std::int64_t count = in(stream, 1, 60);
  std::int64_t at_us = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    if (chance(stream, 60)) at_us += in(stream, 0, 20000);
    const auto prompt = static_cast<std::int32_t>(in(stream, 1, 60));
    const auto output = static_cast<std::int32_t>(in(stream, 1, 40));
    const auto spare = static_cast<std::int32_t>(chance(stream, 40) ? in(stream, 0, 30) : 0);
    s.arrivals.push_back(request(SimTime{at_us * 1000}, prompt, output, output + spare));
  }
  return {std::move(step), std::move(s)};
}

}  // namespace eph::test
