#pragma once
// A double-ended queue in one array: what a scheduler's waiting queue needs, without allocation
// once grown.
#include <cstddef>
#include <vector>

#include "core/assert.h"

namespace eph::sim {

template <class T>
class Ring {
 public:
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const T& front() const { return (*this)[0]; }
  [[nodiscard]] const T& operator[](std::size_t i) const {
    EPH_DASSERT(i < size_, "ring index {} of {}", i, size_);
    return items_[(head_ + i) & mask()];
  }

  void set(std::size_t i, T value) { at(i) = value; }
  void push_back(T value) {
    make_room();
    items_[(head_ + size_) & mask()] = value;
    ++size_;
  }
  void push_front(T value) {
    make_room();
    head_ = (head_ + items_.size() - 1) & mask();
    items_[head_] = value;
    ++size_;
  }
  T pop_front() {
    EPH_ASSERT(size_ > 0, "pop of an empty ring");
    const T value = items_[head_];
    head_ = (head_ + 1) & mask();
    --size_;
    return value;
  }
  // Removes the element at `i`, keeping the order of the others. Linear in the shorter side.
  void erase(std::size_t i) {
    EPH_ASSERT(i < size_, "erase of {} in a ring of {}", i, size_);
    if (i < size_ / 2) {
      for (std::size_t k = i; k > 0; --k) at(k) = at(k - 1);
      head_ = (head_ + 1) & mask();
    } else {
      for (std::size_t k = i; k + 1 < size_; ++k) at(k) = at(k + 1);
    }
    --size_;
  }

 private:
  [[nodiscard]] std::size_t mask() const { return items_.size() - 1; }
  T& at(std::size_t i) { return items_[(head_ + i) & mask()]; }
  void make_room() {
    if (size_ < items_.size()) return;
    std::vector<T> grown(items_.empty() ? 16 : items_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) grown[i] = at(i);
    items_.swap(grown);
    head_ = 0;
  }

  std::vector<T> items_;  // size: zero or a power of two
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace eph::sim
