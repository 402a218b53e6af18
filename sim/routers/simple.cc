#include "sim/routers/simple.h"

namespace eph::sim {

std::uint32_t RoundRobinRouter::pick(const RoutedRequest&, const LoadBoard& board, SimTime) {
  if (next_ >= board.members().size()) next_ = 0;
  return board.members()[next_++];
}

std::uint32_t RandomRouter::pick(const RoutedRequest& request, const LoadBoard& board, SimTime) {
  draws_.entity = index(request.id);
  Stream stream(draws_);
  return board.members()[stream.below(board.members().size())];
}

std::uint32_t PowerOfTwoRouter::pick(const RoutedRequest& request, const LoadBoard& board,
                                     SimTime) {
  const auto& members = board.members();
  if (members.size() == 1) return members.front();
  draws_.entity = index(request.id);
  Stream stream(draws_);
  const std::uint64_t first = stream.below(members.size());
  std::uint64_t second = stream.below(members.size() - 1);
  if (second >= first) ++second;
  const std::uint32_t a = members[first], b = members[second];
  return board.seen(b).requests < board.seen(a).requests ? b : a;
}

}  // namespace eph::sim
