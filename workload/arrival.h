#pragma once
// One request as the outside world sends it, and where requests come from.
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include "core/result.h"
#include "core/time.h"

namespace eph::workload {

inline constexpr std::uint32_t kNoPrefixGroup = std::numeric_limits<std::uint32_t>::max();
inline constexpr std::uint64_t kNoSession = std::numeric_limits<std::uint64_t>::max();
inline constexpr std::uint64_t kNoStream = std::numeric_limits<std::uint64_t>::max();
// Largest prompt or output a request may have; the sum of both still fits an int32.
inline constexpr std::int32_t kMaxTokens = 1'000'000'000;

struct Arrival {
  SimTime at{};                        // when the client sends it
  std::int32_t prompt_tokens = 0;      // >= 1
  std::int32_t output_tokens = 0;      // what the model will really produce, >= 1
  std::int32_t max_output_tokens = 0;  // what the request allows; >= output_tokens
  std::int32_t prefix_tokens = 0;      // leading prompt tokens shared by its prefix group
  std::uint32_t prefix_group = kNoPrefixGroup;
  std::uint32_t request_class = 0;  // index into the source's class names
  std::int32_t priority = 0;        // where the engine schedules by priority: lower first
  Duration timeout{};               // the client gives up so long after sending; zero: not its own
  std::uint64_t session = kNoSession;
  // Tokens behind the shared prefix, outputs included, are those of this stream, of which every
  // request holds the beginning: a conversation whose turns repeat all that was said before.
  // Requests of a stream have the same shared prefix. kNoStream: nobody else has them.
  std::uint64_t stream = kNoStream;
  // Prefix block hashes (Mooncake) live in the source: ArrivalSource::block_hashes.
  std::uint64_t hash_offset = 0;
  std::uint32_t hash_count = 0;
};

// Sends the request with this limit on its output, which is cut there.
inline void limit_output(Arrival& arrival, std::int32_t max_output_tokens) {
  arrival.max_output_tokens = max_output_tokens;
  if (arrival.output_tokens > max_output_tokens) arrival.output_tokens = max_output_tokens;
}

// What a source did to its rows besides passing them on; complete when the stream has ended.
struct SourceCounts {
  std::uint64_t rows = 0;              // requests read from the file or generated
  std::uint64_t failures_dropped = 0;  // rows without output tokens, left out
  std::uint64_t failures_kept = 0;     // the same, taken as 1 output token
  std::uint64_t clipped = 0;           // requests shortened by a cap
  std::uint64_t over_cap_dropped = 0;  // requests left out by a cap

  SourceCounts& operator+=(const SourceCounts& more) {
    rows += more.rows;
    failures_dropped += more.failures_dropped;
    failures_kept += more.failures_kept;
    clipped += more.clipped;
    over_cap_dropped += more.over_cap_dropped;
    return *this;
  }
};

// An open-loop stream of requests, sorted by time.
// Contract:
//  - pull fills a prefix of `out` (not empty) and returns its length; 0 means the end, for good
//  - times never decrease over all pulls
//  - an Error (bad row, damaged file) ends the stream; it names file and line. Rows before it are
//    delivered first
class ArrivalSource {
 public:
  virtual ~ArrivalSource() = default;
  [[nodiscard]] virtual Result<std::size_t> pull(std::span<Arrival> out) = 0;
  // Block hashes of an arrival of the last pull; valid until the next pull. Equal hashes are equal
  // blocks with equal blocks before them. The last block of a prompt may be partly filled.
  [[nodiscard]] virtual std::span<const std::uint64_t> block_hashes(const Arrival&) const {
    return {};
  }
  // Tokens of one hashed block; 0 when the source has no hashes.
  [[nodiscard]] virtual std::int32_t hash_block_tokens() const { return 0; }
  // Names of the classes seen so far; empty when the source has none.
  [[nodiscard]] virtual std::span<const std::string> class_names() const { return {}; }
  [[nodiscard]] virtual SourceCounts counts() const { return {}; }
};

}  // namespace eph::workload
