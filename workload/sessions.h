#pragma once
// Conversations: a client sends the next turn when it has the answer and has thought about it.
#include <cstdint>
#include <memory>
#include <optional>

#include "core/result.h"
#include "core/time.h"
#include "workload/arrival.h"
#include "workload/lengths.h"
#include "workload/load.h"

namespace eph::workload {

// Turn k + 1 repeats turn k's prompt and answer and adds the user's new tokens, so a conversation
// is one stream that grows (Arrival::stream). In front of every prompt may stand a shared one,
// drawn once for each conversation from `groups` alike. A conversation ends after `turns`, or
// before a prompt of more than kMaxTokens.
struct SessionConfig {
  std::int32_t turns = 1;
  LengthPair first;             // the first turn's own prompt; the answer of every turn
  Length user = FixedLength{};  // what each later turn adds
  Duration think_time{};        // mean of the exponential time from an answer to the next turn
  std::int32_t shared_tokens = 0;
  std::uint32_t groups = 1;
  std::int32_t max_output_tokens = 0;  // limit of all requests, where answers end; 0: none
  std::int64_t concurrency = 0;  // conversations at once; 0: they begin at the times of `starts`
  std::int64_t requests = 0;     // turns of all conversations together; 0: until stage_end
  std::optional<SimTime> stage_end;  // nothing is sent at or after it
  std::uint64_t seed = 1;
  std::uint64_t run = 0;
};

// `starts` gives the times of first turns only, and only where there is no concurrency. Errors
// (kind usage): nothing that ends the load, a number out of range.
[[nodiscard]] Result<std::unique_ptr<Load>> make_sessions(
    const SessionConfig& config, std::unique_ptr<ArrivalSource> starts = nullptr);

}  // namespace eph::workload
