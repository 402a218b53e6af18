#pragma once
// When each replica has its next event.
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "core/ids.h"
#include "sim/event.h"

namespace eph::sim {

// A tournament among the replicas: each has one event at most, the results of a step or the forming
// of a batch, which is announced anew as often as need be. Beside the queue of what happens to
// requests, because announcing anew leaves nothing behind here.
//
// Contract:
//  - pop returns the event of the smallest key, of equal keys that of the lowest replica; the
//  replica
//    has none then, until the next set
//  - time never goes back (INV-2): nothing is set earlier than the last event popped
//
// A pop leaves the replica in the tournament, and the next set replays it: nearly always its own.
class ReplicaClock {
 public:
  static constexpr std::uint64_t kNothing = std::uint64_t{1} << 63;  // later than every key

  // One more replica, without an event.
  void add() {
    settle();
    if (size_ == leaves_) grow();
    ++size_;
  }
  void set(ReplicaId id, SimTime at, EventClass event_class) {
    EPH_ASSERT(at >= now_, "INV-2: a replica's event at {} ns set at {} ns", at.ns, now_.ns);
    if (index(id) == taken_)
      taken_ = kNobody;
    else
      settle();
    replay(index(id), Event::key_of(at, event_class));
  }
  void clear(ReplicaId id) {
    settle();
    replay(index(id), kNothing);
  }

  // kNothing without any event.
  [[nodiscard]] std::uint64_t next_key() {
    settle();
    return nodes_[1].key;
  }
  // Requires next_key() != kNothing.
  Event pop() {
    settle();
    taken_ = nodes_[1].replica;
    const Event event{nodes_[1].key, taken_, 0};
    now_ = event.at();
    return event;
  }
  // Right after a pop: whose event comes next, unless another one is set before it. Null without
  // any.
  [[nodiscard]] std::optional<ReplicaId> following() const {
    Node next;
    for (std::size_t k = leaves_ + taken_; k > 1; k /= 2)
      if (nodes_[k ^ 1].key < next.key) next = nodes_[k ^ 1];
    if (next.key == kNothing) return std::nullopt;
    return ReplicaId{next.replica};
  }
  // Right after a pop: no other replica has an event at its instant.
  [[nodiscard]] bool nothing_now() const {
    if (taken_ == kNobody) return false;
    for (std::size_t k = leaves_ + taken_; k > 1; k /= 2)
      if (nodes_[k ^ 1].key >> 8 <= static_cast<std::uint64_t>(now_.ns)) return false;
    return true;
  }

 private:
  static constexpr std::uint32_t kNobody = std::numeric_limits<std::uint32_t>::max();
  struct Node {
    std::uint64_t key = kNothing;
    std::uint32_t replica = kNobody;
  };

  void settle() {
    if (taken_ == kNobody) return;
    replay(taken_, kNothing);
    taken_ = kNobody;
  }
  // Of equal keys the left one wins: its replicas are the lower ones.
  void replay(std::uint32_t replica, std::uint64_t key) {
    Node* const nodes = nodes_.data();
    std::size_t k = leaves_ + replica;
    for (; k > 1; k /= 2) {
      nodes[k] = {key, replica};
      const Node other = nodes[k ^ 1];
      const bool loses = other.key < key + (k & 1);
      key = loses ? other.key : key;
      replica = loses ? other.replica : replica;
    }
    nodes[1] = {key, replica};
  }
  void grow() {
    std::vector<Node> before(4 * leaves_);
    before.swap(nodes_);
    const std::size_t leaves = std::exchange(leaves_, 2 * leaves_);
    for (std::size_t i = 0; i < size_; ++i)
      replay(static_cast<std::uint32_t>(i), before[leaves + i].key);
  }

  std::vector<Node> nodes_ = std::vector<Node>(2);  // node k is above 2k and 2k + 1, the root is 1
  std::size_t leaves_ = 1, size_ = 0;               // size_: replicas
  std::uint32_t taken_ = kNobody;                   // popped, and still in the tournament
  SimTime now_{};
};

}  // namespace eph::sim
