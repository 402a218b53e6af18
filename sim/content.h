#pragma once
// What a request's tokens are, as far as others may have the same: names of runs, never tokens.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>

namespace eph::sim {

// Names everything from the start of a sequence up to any point of a run of tokens: two sequences
// that have the same key at the same position are equal up to there.
enum class RunKind : std::uint8_t { none, hashed, group, stream };
struct RunKey {
  std::uint64_t id = 0;
  RunKind kind = RunKind::none;
  friend bool operator==(const RunKey&, const RunKey&) = default;
};

// A sequence's tokens: `shared_tokens` leading ones, named by a trace's block hashes or by a prefix
// group, and then those of a stream, the outputs included. A conversation is one stream, which each
// turn makes longer; a request outside of any has a stream of its own.
//
// In blocks of any size: a block belongs to the run that its last token belongs to, because that
// run's key vouches for all tokens before it. 56 bytes; borrows the hashes.
struct Content {
  std::span<const std::uint64_t> hashes;  // chained: equal ones have equal blocks before them
  std::int32_t hash_tokens = 0;           // of one hashed block; the last may be partly filled
  std::int32_t shared_tokens = 0;
  std::uint64_t group = 0;
  std::uint64_t stream = 0;
  bool lasting = false;  // the stream outlives the request

  struct Run {
    RunKey key;
    std::int64_t end = 0;  // first block behind it
  };
  [[nodiscard]] Run run_at(std::int64_t block, std::int64_t block_size) const {
    const std::int64_t last = (block + 1) * block_size - 1;
    if (last >= shared_tokens)
      return {{stream, RunKind::stream}, std::numeric_limits<std::int64_t>::max()};
    if (hashes.empty()) return {{group, RunKind::group}, shared_tokens / block_size};
    const std::int64_t i = last / hash_tokens;
    const std::int64_t end = std::min<std::int64_t>((i + 1) * hash_tokens, shared_tokens);
    return {{hashes[static_cast<std::size_t>(i)], RunKind::hashed}, end / block_size};
  }
  // Blocks of the first `blocks` that another request might have too.
  [[nodiscard]] std::int64_t shareable(std::int64_t blocks, std::int64_t block_size) const {
    return lasting ? blocks : std::min<std::int64_t>(blocks, shared_tokens / block_size);
  }
  [[nodiscard]] bool shares() const { return lasting || shared_tokens > 0; }
};

// Of the first `limit` blocks, how many from the start on are the same in both.
[[nodiscard]] inline std::int64_t common_blocks(const Content& a, const Content& b,
                                                std::int64_t limit, std::int64_t block_size) {
  std::int64_t same = 0;
  while (same < limit) {
    const Content::Run mine = a.run_at(same, block_size), other = b.run_at(same, block_size);
    if (!(mine.key == other.key)) break;
    same = std::min({limit, mine.end, other.end});
  }
  return same;
}

}  // namespace eph::sim
