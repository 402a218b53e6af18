#pragma once
// One request as the outside world sends it, and where requests come from.
#include <cstdint>
#include <limits>
#include <span>

#include "core/result.h"
#include "core/time.h"

namespace eph::workload {

inline constexpr std::uint32_t kNoPrefixGroup = std::numeric_limits<std::uint32_t>::max();
inline constexpr std::uint64_t kNoSession = std::numeric_limits<std::uint64_t>::max();

struct Arrival {
  SimTime at{};                          // when the client sends it
  std::int32_t prompt_tokens = 0;        // >= 1
  std::int32_t output_tokens = 0;        // what the model will really produce, >= 1
  std::int32_t max_output_tokens = 0;    // what the request allows; >= output_tokens
  std::int32_t prefix_tokens = 0;        // leading prompt tokens shared by its prefix group
  std::uint32_t prefix_group = kNoPrefixGroup;
  std::uint32_t request_class = 0;       // index into the source's class names
  std::uint64_t session = kNoSession;
  // Prefix block hashes (Mooncake) live in the source: ArrivalSource::block_hashes(hash_offset, count).
  std::uint64_t hash_offset = 0;
  std::uint32_t hash_count = 0;
};

// An open-loop stream of requests, sorted by time.
// Contract:
//  - pull fills a prefix of `out` and returns its length; 0 means the end, for good
//  - times never decrease over all pulls
//  - an Error (bad row, damaged file) ends the stream; it names file and line
class ArrivalSource {
 public:
  virtual ~ArrivalSource() = default;
  [[nodiscard]] virtual Result<std::size_t> pull(std::span<Arrival> out) = 0;
  // Block hashes of an arrival of the last pull; valid until the next pull.
  [[nodiscard]] virtual std::span<const std::uint64_t> block_hashes(const Arrival&) const { return {}; }
};

}  // namespace eph::workload
