#pragma once
// Block accounting of one replica's KV cache: counts only, no identities.
#include <cstdint>

#include "core/assert.h"
#include "models/memory.h"

namespace eph::sim {

// INV-3: free + used == usable, and neither is negative. vLLM's null block is not part of `usable`.
class KvBlocks {
 public:
  explicit KvBlocks(const models::KvPool& pool)
      : block_size_(pool.block_size), total_(pool.blocks), usable_(pool.usable_blocks) {}

  [[nodiscard]] std::int64_t block_size() const { return block_size_; }
  [[nodiscard]] std::int64_t total() const { return total_; }  // as the engine reports it
  [[nodiscard]] std::int64_t usable() const { return usable_; }
  [[nodiscard]] std::int64_t used() const { return used_; }
  [[nodiscard]] std::int64_t free() const { return usable_ - used_; }
  [[nodiscard]] std::int64_t blocks_for(std::int64_t tokens) const {
    return (tokens + block_size_ - 1) / block_size_;
  }

  [[nodiscard]] bool take(std::int64_t blocks) {
    if (blocks > free()) return false;
    used_ += blocks;
    return true;
  }
  void give_back(std::int64_t blocks) {
    used_ -= blocks;
    EPH_ASSERT(blocks >= 0 && used_ >= 0, "INV-3: {} kv blocks given back, {} used", blocks, used_);
  }

 private:
  std::int64_t block_size_ = 0;
  std::int64_t total_ = 0;
  std::int64_t usable_ = 0;
  std::int64_t used_ = 0;
};

}  // namespace eph::sim
