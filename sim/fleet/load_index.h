#pragma once
// Which of many has the least: a tournament over places, O(log n) per change.
#include <cstdint>
#include <vector>

#include "core/assert.h"

namespace eph::sim {

// Places outside the contest have no load. Equal loads: the lowest place.
class LoadIndex {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  // Enters a place or changes its load, which is below 2^32 - 1.
  void set(std::uint32_t place, std::uint64_t load) {
    EPH_DASSERT(load < kNone, "a load of {}", load);
    if (place >= leaves_) grow(place);
    write(place, load << 32 | place);
  }
  void remove(std::uint32_t place) {
    if (place < leaves_) write(place, kEmpty);
  }
  [[nodiscard]] bool empty() const { return leaves_ == 0 || tree_[1] == kEmpty; }
  // kNone when empty.
  [[nodiscard]] std::uint32_t least() const {
    return empty() ? kNone : static_cast<std::uint32_t>(tree_[1] & kNone);
  }
  [[nodiscard]] std::uint64_t least_load() const { return tree_[1] >> 32; }

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};

  void write(std::uint32_t place, std::uint64_t key) {
    std::size_t i = leaves_ + place;
    tree_[i] = key;
    while (i > 1) {
      const std::uint64_t less = tree_[i] < tree_[i ^ 1] ? tree_[i] : tree_[i ^ 1];
      i /= 2;
      if (tree_[i] == less) break;
      tree_[i] = less;
    }
  }
  void grow(std::uint32_t place) {
    std::size_t leaves = leaves_ == 0 ? 2 : leaves_;
    while (leaves <= place) leaves *= 2;
    std::vector<std::uint64_t> tree(2 * leaves, kEmpty);
    for (std::size_t i = 0; i < leaves_; ++i) tree[leaves + i] = tree_[leaves_ + i];
    for (std::size_t i = leaves - 1; i > 0; --i)
      tree[i] = tree[2 * i] < tree[2 * i + 1] ? tree[2 * i] : tree[2 * i + 1];
    tree_ = std::move(tree);
    leaves_ = leaves;
  }

  std::vector<std::uint64_t> tree_;  // root at 1, leaves from leaves_ on
  std::size_t leaves_ = 0;           // a power of two
};

}  // namespace eph::sim
