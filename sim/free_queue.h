#pragma once
// The order in which free KV blocks are taken again: what a preempted sequence may still find.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/assert.h"
#include "sim/sequence.h"

namespace eph::sim {

// vLLM keeps free blocks in a queue, takes from its front and appends what is given back, a
// sequence's last block first (vllm/v1/core/block_pool.py, 2026). With prefix caching a block keeps
// its contents until it is taken: a preempted sequence that comes back soon enough finds the head
// of its own KV again. Blocks of different sequences are never equal here, as everywhere in the
// simulation. One run of blocks per release, so the queue is short.
class FreeQueue {
 public:
  // All `blocks` are free and hold nothing.
  explicit FreeQueue(std::int64_t blocks) { append({}, false, blocks); }

  void give_back(SeqId owner, bool comes_back, std::int64_t blocks) {
    append(owner, comes_back, blocks);
  }
  void take(std::int64_t blocks) {
    while (blocks > 0) {
      EPH_ASSERT(head_ < runs_.size(), "{} kv blocks taken that are not free", blocks);
      Run& run = runs_[head_];
      const std::int64_t now = std::min(blocks, run.blocks);
      run.blocks -= now;
      blocks -= now;
      if (run.blocks == 0) ++head_;
    }
    if (head_ > 64 && 2 * head_ > runs_.size()) {
      runs_.erase(runs_.begin(), runs_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
  }
  // Leading blocks of a preempted sequence that nobody has taken.
  [[nodiscard]] std::int64_t kept(SeqId owner) const {
    for (std::size_t i = runs_.size(); i > head_; --i) {
      const Run& run = runs_[i - 1];
      if (run.is_owned && run.owner == owner) return run.blocks;
    }
    return 0;
  }
  // The sequence takes `blocks` of what kept() says, from the head of its KV; the rest has no
  // owner.
  void claim(SeqId owner, std::int64_t blocks) {
    for (std::size_t i = runs_.size(); i > head_; --i) {
      Run& run = runs_[i - 1];
      if (!run.is_owned || run.owner != owner) continue;
      EPH_ASSERT(blocks <= run.blocks, "{} kv blocks claimed of {} kept", blocks, run.blocks);
      run.blocks -= blocks;
      run.is_owned = false;
      return;
    }
    EPH_ASSERT(blocks == 0, "{} kv blocks claimed of none kept", blocks);
  }

 private:
  struct Run {
    SeqId owner{};
    bool is_owned = false;  // the owner was preempted and may come back
    std::int64_t blocks = 0;
  };
  void append(SeqId owner, bool is_owned, std::int64_t blocks) {
    if (blocks > 0) runs_.push_back({owner, is_owned, blocks});
  }

  std::vector<Run> runs_;  // from head_ on, the next to be taken first
  std::size_t head_ = 0;
};

}  // namespace eph::sim
