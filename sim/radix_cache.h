#pragma once
// SGLang's radix tree: KV pages shared by path, forgotten leaf by leaf.
#include <vector>

#include "sim/age_queue.h"
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
    std::uint64_t id = 0;
    std::uint32_t end : 30 = 0;
    RunKind kind : 2 = RunKind::none;
    Index next = kNone;
    [[nodiscard]] RunKey key() const { return {id, kind}; }
  };
  struct Node {
    std::uint64_t used = 0;  // when, counted in look-ups and stores
    Index parent = kNone;
    Index parts = kNone, last_part = kNone;
    std::uint32_t begin = 0, end = 0;  // pages
    std::int32_t children = 0;
    std::int32_t locks = 0;
    bool queued = false;  // among those that may go
    [[nodiscard]] std::int64_t pages() const { return end - begin; }
  };
  struct Found {
    Index node = kRoot;
    std::int64_t pages = 0;
  };
  struct Holding {  // of a sequence: the tree's part of its pages
    Index node = kRoot;
    std::int64_t pages = 0;
  };

  Found walk(const Content& content, std::int64_t limit, Found from);
  [[nodiscard]] std::int64_t agreement(const Node& node, const Content& content,
                                       std::int64_t limit) const;
  Index split(Index at, std::int64_t page);
  Index add_leaf(Found parent, const Content& content, std::int64_t end);
  void remove_leaf(Index at);
  std::int64_t lock(Index at);
  std::int64_t unlock(Index at);
  void may_go(Index at);  // after its locks or children became fewer
  Index make_node(const Node& node);
  Index make_part(Part part);
  Holding& holding(SeqId id);

  std::int64_t page_ = 1;
  std::vector<Node> nodes_;
  std::vector<Index> unused_;
  std::vector<Part> parts_;
  Index unused_part_ = kNone;  // the first of a list
  RunTable table_;             // nodes by their first page
  // Leaves that may go, by their last use when they joined, and no longer true of some: a leaf used
  // since, or no leaf, or locked again, is only noticed when its turn comes.
  AgeQueue leaves_;
  std::vector<Holding> holdings_;
  std::int64_t evictable_ = 0;
  std::uint64_t clock_ = 0;
};

}  // namespace eph::sim
