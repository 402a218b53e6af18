#pragma once
// A router without a simulation: members, their loads and prompts are set by hand.
#include <initializer_list>

#include "sim/router.h"
#include "tests/support/scripted_load.h"

namespace eph::test {

// `tokens` leading ones of a prefix group, then a stream of the request's own.
inline sim::Content group_content(std::uint64_t group, std::int32_t tokens, std::uint64_t own) {
  sim::Content c;
  c.group = group;
  c.shared_tokens = tokens;
  c.stream = 2 * own + 1;
  return c;
}
inline sim::Content conversation(std::uint64_t number) {
  sim::Content c;
  c.stream = 2 * number;
  c.lasting = true;
  return c;
}
inline sim::Content unshared(std::uint64_t own) { return group_content(0, 0, own); }

inline sim::RoutedRequest prompt(std::uint64_t id, std::int32_t tokens,
                                 const sim::Content& content) {
  return {RequestId{id}, tokens, ~id, &content};
}

struct Members {
  sim::LoadBoard board;

  explicit Members(std::uint32_t count, Duration staleness = {}) : board(staleness) {
    for (std::uint32_t place = 0; place < count; ++place) board.add(place);
  }
  void requests(std::initializer_list<std::int64_t> counts, SimTime now = {}) {
    std::uint32_t place = 0;
    for (const std::int64_t count : counts) {
      board.change(now, place, count - board.exact(place).requests, 0);
      ++place;
    }
  }
};

inline const StreamKey kDraws{1, 0, Purpose::routing};

}  // namespace eph::test
