#pragma once
// What was used longest ago, where nearly everything joins as the newest.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "sim/ring.h"

namespace eph::sim {

// Numbers by the age of what they name, the smallest age first; equal ones in any order. Those that
// join in order of age stand in a ring, the others in a heap.
class AgeQueue {
 public:
  struct Entry {
    std::uint64_t age = 0;
    std::uint32_t item = 0;
  };
  [[nodiscard]] bool empty() const { return in_order_.empty() && late_.empty(); }
  void push(Entry entry) {
    if (newest_ <= entry.age || in_order_.empty()) {
      newest_ = entry.age;
      in_order_.push_back(entry);
      return;
    }
    late_.push_back(entry);
    std::push_heap(late_.begin(), late_.end(), younger);
  }
  // That is likely to leave after `n` others, or null: to fetch early what it names.
  [[nodiscard]] const Entry* upcoming(std::size_t n) const {
    return n < in_order_.size() ? &in_order_[n] : nullptr;
  }
  Entry pop() {
    EPH_ASSERT(!empty(), "pop of an empty queue");
    if (late_.empty() || (!in_order_.empty() && in_order_.front().age <= late_.front().age))
      return in_order_.pop_front();
    std::pop_heap(late_.begin(), late_.end(), younger);
    const Entry entry = late_.back();
    late_.pop_back();
    return entry;
  }

 private:
  static bool younger(const Entry& a, const Entry& b) { return a.age > b.age; }

  Ring<Entry> in_order_;
  std::vector<Entry> late_;
  std::uint64_t newest_ = 0;  // of those in order
};

}  // namespace eph::sim
