#pragma once
// One composed step: who is scheduled with how many tokens.
#include <cstdint>
#include <vector>

#include "core/ids.h"
#include "core/time.h"
#include "models/batch_shape.h"
#include "sim/sequence.h"

namespace eph::sim {

// Sequence and tokens in eight bytes; the top bits say that the step samples a token for it, and
// that its tokens are prefill.
struct PlanEntry {
  SeqId seq{};
  std::uint32_t packed = 0;

  static constexpr std::uint32_t kSamples = std::uint32_t{1} << 31;
  static constexpr std::uint32_t kPrefill = std::uint32_t{1} << 30;
  [[nodiscard]] std::int32_t tokens() const {
    return static_cast<std::int32_t>(packed & ~(kSamples | kPrefill));
  }
  [[nodiscard]] bool samples() const { return (packed & kSamples) != 0; }
  [[nodiscard]] bool prefills() const { return (packed & kPrefill) != 0; }
};

// A request that got its place in the engine, and the tokens whose KV it found there.
struct Admission {
  RequestId id{};
  std::int32_t cached = 0;
};

// Admitted for the first time in its life, with so many prompt tokens found in the prefix cache.
struct FirstAdmission {
  SeqId seq{};
  std::int32_t cached = 0;
};

// Reused from step to step: clearing keeps the memory.
struct BatchPlan {
  std::vector<PlanEntry> entries;  // in scheduling order; of a lane without its decodes
  std::vector<FirstAdmission> first_scheduled;
  std::vector<RequestId>
      preempted;  // while composing this step, or attempts at it that came out empty
  std::vector<Admission> admitted;  // in order, those that come back after a preemption included
  models::BatchShape shape;
  std::vector<models::BatchShape> ranks;  // that it is the sum of, with data-parallel ranks
  std::int32_t wasted = 0;  // sampling entries whose sequence ended after the step was composed
  bool apart = false;       // prompts alone, while a lane's decodes stand still
  std::int64_t waiting = 0, running = 0, kv_blocks_used = 0;  // after composing
  SimTime start{}, end{};                                     // on the GPU
  Duration results{};  // between its end and the departure of its tokens

  [[nodiscard]] bool empty() const { return entries.empty() && shape.decode_seqs == 0; }
  void reserve(std::size_t sequences) {
    entries.reserve(sequences);
    first_scheduled.reserve(sequences / 2);
    admitted.reserve(sequences / 2);
  }
  void clear() {
    entries.clear();
    first_scheduled.clear();
    preempted.clear();
    admitted.clear();
    shape = {};
    wasted = 0;
    apart = false;
  }
};

}  // namespace eph::sim
