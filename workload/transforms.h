#pragma once
// Sources made from sources. All keep block hashes, classes and counts, hold bounded memory, and
// are deterministic: with (seed, run) where they draw. Errors (kind usage) name the value out of
// range.
#include <functional>
#include <memory>
#include <optional>

#include "workload/arrival.h"

namespace eph::workload {

using SourcePtr = std::unique_ptr<ArrivalSource>;

enum class RateMode { superpose, compress };

struct SuperposeOptions {
  Duration displacement{30'000'000'000};  // largest shift of a copy, either way
  std::uint64_t seed = 1;
  std::uint64_t run = 0;
};

// `factor` times the requests in the same time, with the trace's rate profile: floor(factor) copies
// of each request and one more with probability frac(factor). The first copy keeps its time; each
// other is shifted by an independent uniform draw within the displacement and reflected at the
// first and last time of the trace, so bursts shorter than the displacement average out as they do
// when independent users add up. A factor below 1 keeps each request with that probability.
// Requests kept at one factor are kept, at the same times, at every larger one (same seed and run).
// Copies have their own block hashes and sessions, so they share nothing by accident; prefix groups
// are kept, since they name a shared part of the service's prompts.
[[nodiscard]] Result<SourcePtr> superpose(SourcePtr source, double factor,
                                          const SuperposeOptions& options = {});

// Divides all times by `factor`: the same requests, each burst `factor` times steeper.
[[nodiscard]] Result<SourcePtr> compress(SourcePtr source, double factor);

[[nodiscard]] Result<SourcePtr> scale_rate(SourcePtr source, double factor, RateMode mode,
                                           const SuperposeOptions& options = {});

// Requests with from <= at < to, times counted from `from`.
[[nodiscard]] Result<SourcePtr> window(SourcePtr source, SimTime from,
                                       std::optional<SimTime> to = std::nullopt);

// The first `requests` ones.
[[nodiscard]] Result<SourcePtr> limit_requests(SourcePtr source, std::int64_t requests);

struct CapOptions {
  std::int32_t prompt = 0;  // largest count; 0: no cap
  std::int32_t output = 0;  // also of what the request allows
  std::int32_t total = 0;   // prompt + output; at least 2
  bool drop = false;        // leave requests over a cap out instead of shortening them
};
// Shortens (prompt first to total - 1, then the output to what is left) or drops; counted in
// SourceCounts. A shortened prompt keeps the hashes of the blocks that remain.
[[nodiscard]] Result<SourcePtr> cap_tokens(SourcePtr source, const CapOptions& options);

// Every request is sent with this limit on its output (at least 1), whatever its own was; an output
// that would be longer ends there.
[[nodiscard]] Result<SourcePtr> limit_outputs(SourcePtr source, std::int32_t max_output_tokens);

using SourceFactory = std::function<Result<SourcePtr>()>;

struct RepeatOptions {
  std::int64_t times = 0;     // 0: without end (limit it)
  bool fresh_lengths = true;  // from the second repetition on
  std::int32_t neighbours = 500;
  std::uint64_t seed = 1;
  std::uint64_t run = 0;
};
// The source again and again, each repetition shifted by the trace's duration (first to last
// request plus one mean gap). With fresh lengths a request takes the lengths and class of a request
// drawn from the `neighbours` around it on either side: with replacement, or, where requests carry
// block hashes, as a local shuffle, since a request drawn twice would find its own blocks cached.
// Repetitions have their own block hashes and sessions.
[[nodiscard]] Result<SourcePtr> repeat(SourceFactory open, const RepeatOptions& options);

}  // namespace eph::workload
