#pragma once
// Automatic prefix caching by blocks: vLLM V1 and TensorRT-LLM.
#include <vector>

#include "sim/prefix_cache.h"

namespace eph::sim {

// vllm/v1/core/{block_pool,kv_cache_manager}.py (2026): idle blocks stand in a queue; what is given
// back goes to its end, a sequence's last block first, and what is taken comes from its front. A
// block keeps its contents until it is taken. Equal blocks computed by two sequences stay two, and
// the one stored first is found. TensorRT-LLM's reuse is the same but for this: what is there
// already is not stored again (`merges`), and a queue in this order takes leaves first, as its
// radix tree demands.
//
// Blocks of one run that have had the same fate are kept as one extent, so the work grows with
// runs, not blocks: a hashed block of 512 tokens is one look-up. Extents split when part of one is
// found.
class BlockCache final : public PrefixCache {
 public:
  BlockCache(Rules rules, bool merges, const models::KvPool& pool);
  [[nodiscard]] PrefixHit find(const Content& content, std::int64_t limit) override;
  void hold(SeqId id, const Content& content, std::int64_t blocks) override;
  void take(std::int64_t blocks) override;
  std::int64_t store(SeqId id, const Content& content, std::int64_t blocks, bool returns) override;
  std::int64_t release(SeqId id, std::int64_t held) override;

 private:
  using Index = std::uint32_t;
  static constexpr Index kNone = ~Index{0};
  // Blocks begin..end-1 of a run; without a key they cannot be found. 40 bytes: the extents of a
  // few replicas stay in a core's own cache.
  struct Extent {
    std::uint64_t id = 0;
    std::uint32_t begin = 0, end = 0;
    std::uint32_t holders : 24 = 0;
    RunKind kind : 8 = RunKind::none;
    Index rest = kNone;                  // what a split while held cut off
    Index older = kNone, newer = kNone;  // idle: neighbours in the queue
    Index ring_prev = kNone, ring_next = kNone;
    [[nodiscard]] bool has(RunKey key) const { return id == key.id && kind == key.kind; }
    [[nodiscard]] std::uint32_t blocks() const { return end - begin; }
  };
  // What a sequence holds, in order: an extent up to `end`, on through `rest` if that was split.
  struct Piece {
    Index extent = kNone;
    std::uint32_t end = 0;
  };

  [[nodiscard]] Index locate(RunKey key, std::int64_t block) const;
  [[nodiscard]] std::int64_t next_stored(RunKey key, std::int64_t block) const;
  Index make(const Extent& extent);
  Index split(Index at, std::int64_t block);
  void link(Index at);    // into its ring, as the last
  void unlink(Index at);  // out of it
  void grow_table();
  [[nodiscard]] bool is_last_of_key(Index at) const;
  [[nodiscard]] Index& ring_of(RunKey key) {
    return rings_[(key.id ^ static_cast<std::uint64_t>(key.kind)) * 0x9e3779b97f4a7c15ULL >>
                  shift_];
  }
  [[nodiscard]] Index ring_of(RunKey key) const {
    return const_cast<BlockCache*>(this)->ring_of(key);
  }
  void push_idle(Index at, Index older);
  void drop_idle(Index at);
  void append_idle(Index at);
  void append_anonymous(std::int64_t blocks);
  bool extend(std::vector<Piece>& pieces, RunKey key, std::int64_t from, std::int64_t to);
  std::vector<Piece>& pieces_of(SeqId id);

  std::int64_t block_size_ = 1;
  bool merges_ = false;
  std::vector<Extent> extents_;
  std::vector<Index> unused_;
  // A hash table of rings: extents whose keys share a place, in the order in which they were
  // stored, from the one named here on.
  std::vector<Index> rings_;
  int shift_ = 0;
  std::size_t linked_ = 0;
  Index oldest_ = kNone, newest_ = kNone;   // of the idle
  std::vector<std::vector<Piece>> pieces_;  // by sequence
  std::vector<Index> scratch_;
};

}  // namespace eph::sim
