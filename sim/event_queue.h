#pragma once
// The future-event list: a 4-ary heap of 16-byte events.
#include <utility>
#include <vector>

#include "sim/event.h"

namespace eph::sim {

// Contract:
//  - pop returns the smallest key; events of equal key leave in the order in which they were
//    pushed
//  - time never goes back (INV-2): a pushed event is not earlier than the last one popped
//  - no allocation once it has held as many events as it ever will
// Sequence numbers wrap: equal keys keep their order as long as fewer than 2^31 pushes lie between
// them.
//
// A pop leaves a hole at the root, which the next push fills: most events bring one other, and
// going down once is cheaper than down and up.
class EventQueue {
 public:
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] std::size_t size() const { return heap_.size() - (hole_ ? 1 : 0); }
  // Requires !empty().
  [[nodiscard]] std::uint64_t next_key() { return next().key; }

  // The event that pop would return. Requires !empty().
  [[nodiscard]] const Event& next() {
    fill();
    return heap_.front();
  }

  void push(SimTime at, EventClass event_class, std::uint32_t target) {
    EPH_ASSERT(at >= now_, "INV-2: event at {} ns pushed at {} ns", at.ns, now_.ns);
    const Event event{Event::key_of(at, event_class), target, next_sequence_++};
    if (std::exchange(hole_, false)) return sift_down(event);
    heap_.push_back({});
    sift_up(heap_.size() - 1, event);
  }

  // Forgets the next event: the queue stays at its time. Requires !empty().
  void drop() { (void)take(); }

  // Requires !empty().
  Event pop() {
    const Event top = take();
    now_ = top.at();
    return top;
  }

 private:
  Event take() {
    fill();
    hole_ = true;
    return heap_.front();
  }
  void fill() {
    if (!std::exchange(hole_, false)) return;
    const Event last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sift_down(last);
  }
  static bool before(const Event& a, const Event& b) {
    if (a.key != b.key) return a.key < b.key;
    return static_cast<std::int32_t>(a.sequence - b.sequence) < 0;
  }

  void sift_up(std::size_t hole, const Event& event) {
    while (hole > 0) {
      const std::size_t parent = (hole - 1) / 4;
      if (!before(event, heap_[parent])) break;
      heap_[hole] = heap_[parent];
      hole = parent;
    }
    heap_[hole] = event;
  }

  void sift_down(const Event& event) {
    const std::size_t size = heap_.size();
    std::size_t hole = 0;
    for (std::size_t child = 1; child < size; child = 4 * hole + 1) {
      const std::size_t end = child + 4 < size ? child + 4 : size;
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
  bool hole_ = false;  // at the root
  SimTime now_{};
  std::uint32_t next_sequence_ = 0;
};

}  // namespace eph::sim
