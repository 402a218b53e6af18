#pragma once
// SGLang's radix tree: KV pages shared by path, forgotten leaf by leaf.
#include <vector>

#include "sim/prefix_cache.h"
#include "sim/run_table.h"

namespace eph::sim {

// sglang/srt/mem_cache/radix_cache.py (2026). A node holds a stretch of pages; a look-up that ends
// inside one splits it and marks the path as used. Nodes on the path to what a sequence holds are
// locked; of the others the leaf that was used longest ago goes first, whole, and its parent may be
// the next leaf. Pages that a sequence computes are its own until they are stored; stored ones that
// the tree had already are given back.
//
// `take` changes nothing here: pages come from the free ones, and `forget` makes room when a batch
// is complete, as many pages as the batch takes if it lacks any.
class RadixCache final : public PrefixCache {
 public:
  explicit RadixCache(const models::KvPool& pool, bool stores_prompts = true);
  [[nodiscard]] PrefixHit find(const Content& content, std::int64_t limit) override;
  void hold(SeqId id, const Content& content, std::int64_t blocks) override;
  void take(std::int64_t) override {}
  std::int64_t store(SeqId id, const Content& content, std::int64_t blocks, bool returns) override;
  std::int64_t release(SeqId id, std::int64_t held) override;
  void forget(std::int64_t blocks, std::int64_t free) override;

  [[nodiscard]] std::int64_t evictable() const { return evictable_; }  // pages, not locked
  [[nodiscard]] std::int64_t nodes() const {
    return static_cast<std::int64_t>(nodes_.size() - unused_.size());
  }

 private:
  using Index = std::uint32_t;
  static constexpr Index kNone = RunTable::kNone;
  static constexpr Index kRoot = 0;
  // The runs of a node's pages, in order.
  struct Part {
    RunKey key;
    std::int64_t end = 0;
    Index next = kNone;
  };
  struct Node {
    Index parent = kNone;
    Index parts = kNone;
    std::int64_t begin = 0, end = 0;  // pages
    std::uint64_t used = 0;           // when, counted in look-ups and stores
    std::int32_t children = 0, locks = 0;
    Index rank = kNone;  // in the heap of leaves that may go
  };
  struct Found {
    Index node = kRoot;
    std::int64_t pages = 0;
  };
  struct Holding {  // of a sequence: the tree's part of its pages
    Index node = kRoot;
    std::int64_t pages = 0;
  };

  Found walk(const Content& content, std::int64_t limit);
  [[nodiscard]] std::int64_t agreement(const Node& node, const Content& content,
                                       std::int64_t limit) const;
  Index split(Index at, std::int64_t page);
  Index add_leaf(Found parent, const Content& content, std::int64_t end);
  void remove_leaf(Index at);
  std::int64_t lock(Index at);
  std::int64_t unlock(Index at);
  void touch(Index at);
  Index make_node(const Node& node);
  Index make_part(Part part);
  Holding& holding(SeqId id);

  // A binary heap of unlocked leaves, the one used longest ago on top.
  void update_rank(Index at);  // after its locks or children changed
  [[nodiscard]] bool before(std::size_t a, std::size_t b) const {
    return nodes_[heap_[a]].used < nodes_[heap_[b]].used;
  }
  void swap_ranks(std::size_t a, std::size_t b);
  void sift_up(std::size_t i);
  void sift_down(std::size_t i);

  std::int64_t page_ = 1;
  std::vector<Node> nodes_;
  std::vector<Index> unused_;
  std::vector<Part> parts_;
  std::vector<Index> unused_parts_;
  RunTable table_;  // nodes by their first page
  std::vector<Index> heap_;
  std::vector<Holding> holdings_;
  std::int64_t evictable_ = 0;
  std::uint64_t clock_ = 0;
};

}  // namespace eph::sim
