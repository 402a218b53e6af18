#pragma once
// Finds what a prefix cache keeps for a run of tokens: an open-addressing hash table.
#include <bit>
#include <cstdint>
#include <vector>

#include "core/assert.h"
#include "sim/content.h"

namespace eph::sim {

// From (key, block) to a number. Keys are compared in full. Takes no memory once grown.
class RunTable {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  [[nodiscard]] std::uint32_t find(RunKey key, std::int64_t block) const {
    if (size_ == 0) return kNone;
    const std::uint32_t tag = tag_of(key, block);
    for (std::size_t i = home(key.id, tag);; i = (i + 1) & mask()) {
      const Slot& slot = slots_[i];
      if (slot.value == kNone) return kNone;
      if (slot.id == key.id && slot.tag == tag) return slot.value;
    }
  }
  // Adds the entry or changes it.
  void put(RunKey key, std::int64_t block, std::uint32_t value) {
    if (4 * (size_ + 1) > 3 * slots_.size()) grow();
    const Slot entry{key.id, tag_of(key, block), value};
    std::size_t i = home(entry.id, entry.tag);
    while (slots_[i].value != kNone) {
      if (slots_[i].id == entry.id && slots_[i].tag == entry.tag) {
        slots_[i].value = value;
        return;
      }
      i = (i + 1) & mask();
    }
    slots_[i] = entry;
    ++size_;
  }
  void erase(RunKey key, std::int64_t block) {
    const std::uint32_t tag = tag_of(key, block);
    std::size_t i = home(key.id, tag);
    while (slots_[i].id != key.id || slots_[i].tag != tag || slots_[i].value == kNone) {
      EPH_ASSERT(slots_[i].value != kNone, "a run of block {} is not in the table", block);
      i = (i + 1) & mask();
    }
    close_gap(i);
    --size_;
  }

 private:
  struct Slot {
    std::uint64_t id = 0;
    std::uint32_t tag = 0;  // kind and block
    std::uint32_t value = kNone;
  };

  static std::uint32_t tag_of(RunKey key, std::int64_t block) {
    EPH_DASSERT(block >= 0 && block < (std::int64_t{1} << 30), "block {} of a sequence", block);
    return static_cast<std::uint32_t>(block) << 2 | static_cast<std::uint32_t>(key.kind);
  }
  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
  [[nodiscard]] std::size_t home(std::uint64_t id, std::uint32_t tag) const {
    const std::uint64_t x = id ^ (std::uint64_t{tag} * 0x9e3779b97f4a7c15ULL);
    return static_cast<std::size_t>(x * 0xd6e8feb86659fd93ULL >> shift_);  // multiplicative
  }
  // Moves later entries of the same cluster up, so that no search ends too early.
  void close_gap(std::size_t gap) {
    for (std::size_t i = (gap + 1) & mask(); slots_[i].value != kNone; i = (i + 1) & mask()) {
      const std::size_t at = home(slots_[i].id, slots_[i].tag);
      if (((i - at) & mask()) < ((i - gap) & mask())) continue;  // its search begins behind the gap
      slots_[gap] = slots_[i];
      gap = i;
    }
    slots_[gap] = Slot{};
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? 256 : 2 * slots_.size());
    old.swap(slots_);
    shift_ = std::countl_zero(mask());
    for (const Slot& entry : old) {
      if (entry.value == kNone) continue;
      std::size_t i = home(entry.id, entry.tag);
      while (slots_[i].value != kNone) i = (i + 1) & mask();
      slots_[i] = entry;
    }
  }

  std::vector<Slot> slots_;  // size: zero or a power of two
  int shift_ = 0;            // keeps so many bits as places
  std::size_t size_ = 0;
};

}  // namespace eph::sim
