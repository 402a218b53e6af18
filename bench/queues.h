#pragma once
// Other future-event lists than sim/event_queue.h, for comparison: the same contract, less its
// order among replicas.
#include <algorithm>
#include <array>
#include <bit>
#include <queue>
#include <vector>

#include "sim/event.h"

namespace eph::bench {

using sim::Event;

inline bool before(const Event& a, const Event& b) {
  if (a.key != b.key) return a.key < b.key;
  return static_cast<std::int32_t>(a.sequence - b.sequence) < 0;
}

// A heap of `Arity` children a node. replace_top() is pop and push in one sift.
template <std::size_t Arity>
class DaryHeap {
 public:
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] const Event& next() const { return heap_.front(); }
  void push(std::uint64_t key, std::uint32_t target) {
    heap_.push_back({});
    std::size_t hole = heap_.size() - 1;
    const Event event{key, target, sequence_++};
    for (; hole > 0 && before(event, heap_[(hole - 1) / Arity]); hole = (hole - 1) / Arity)
      heap_[hole] = heap_[(hole - 1) / Arity];
    heap_[hole] = event;
  }
  Event pop() {
    const Event top = heap_.front(), last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sift_down(last);
    return top;
  }
  void replace_top(std::uint64_t key, std::uint32_t target) {
    sift_down({key, target, sequence_++});
  }

 private:
  void sift_down(const Event& event) {
    const std::size_t size = heap_.size();
    std::size_t hole = 0;
    for (std::size_t child = 1; child < size; child = Arity * hole + 1) {
      const std::size_t end = std::min(child + Arity, size);
      std::size_t least = child;
      for (std::size_t i = child + 1; i < end; ++i)
        if (before(heap_[i], heap_[least])) least = i;
      if (!before(heap_[least], event)) break;
      heap_[hole] = heap_[least];
      hole = least;
    }
    heap_[hole] = event;
  }

  std::vector<Event> heap_;
  std::uint32_t sequence_ = 0;
};

class StandardQueue {
 public:
  void push(std::uint64_t key, std::uint32_t target) { queue_.push({key, target, sequence_++}); }
  Event pop() {
    const Event top = queue_.top();
    queue_.pop();
    return top;
  }

 private:
  struct Later {
    bool operator()(const Event& a, const Event& b) const { return before(b, a); }
  };
  std::priority_queue<Event, std::vector<Event>, Later> queue_;
  std::uint32_t sequence_ = 0;
};

// Monotone radix heap (Ahuja, Mehlhorn, Orlin, Tarjan 1990): an event lies in the bucket of the
// highest bit in which its key differs from the last one popped, and moves at most 64 times. Events
// of one key keep their order, because moving keeps it.
class RadixHeap {
 public:
  void push(std::uint64_t key, std::uint32_t target) {
    buckets_[bucket_of(key)].push_back({key, target, 0});
  }
  Event pop() {
    if (front_ == buckets_[0].size()) refill();
    return buckets_[0][front_++];
  }

 private:
  [[nodiscard]] std::size_t bucket_of(std::uint64_t key) const {
    return static_cast<std::size_t>(64 - std::countl_zero(key ^ last_));
  }
  void refill() {
    buckets_[0].clear();
    front_ = 0;
    std::size_t lowest = 1;
    while (buckets_[lowest].empty()) ++lowest;
    std::vector<Event>& from = buckets_[lowest];
    last_ = from.front().key;
    for (const Event& event : from) last_ = std::min(last_, event.key);
    for (const Event& event : from) buckets_[bucket_of(event.key)].push_back(event);
    from.clear();
  }

  std::array<std::vector<Event>, 65> buckets_;
  std::size_t front_ = 0;  // of bucket 0, whose keys all are last_
  std::uint64_t last_ = 0;
};

}  // namespace eph::bench
