#include "sim/radix_cache.h"

#include <algorithm>

#include "core/assert.h"

namespace eph::sim {

RadixCache::RadixCache(const models::KvPool& pool, bool stores_prompts)
    : PrefixCache({.forgets_when_taken = false, .stores_prompts = stores_prompts}),
      page_(pool.block_size) {
  nodes_.emplace_back();  // the root, which holds nothing and never goes
  nodes_[kRoot].locks = 1;
}

RadixCache::Index RadixCache::make_node(const Node& node) {
  const Node copy = node;
  if (unused_.empty()) {
    unused_.push_back(static_cast<Index>(nodes_.size()));
    nodes_.emplace_back();
  }
  const Index at = unused_.back();
  unused_.pop_back();
  nodes_[at] = copy;
  return at;
}

RadixCache::Index RadixCache::make_part(Part part) {
  if (unused_parts_.empty()) {
    unused_parts_.push_back(static_cast<Index>(parts_.size()));
    parts_.emplace_back();
  }
  const Index at = unused_parts_.back();
  unused_parts_.pop_back();
  parts_[at] = part;
  return at;
}

RadixCache::Holding& RadixCache::holding(SeqId id) {
  if (index(id) >= holdings_.size()) holdings_.resize(index(id) + 1);
  return holdings_[index(id)];
}

// --- the tree ---

// First page, within `limit`, in which a node and a content differ.
std::int64_t RadixCache::agreement(const Node& node, const Content& content,
                                   std::int64_t limit) const {
  const std::int64_t stop = std::min(limit, node.end);
  std::int64_t page = node.begin;
  for (Index part = node.parts; page < stop; part = parts_[part].next) {
    const Content::Run run = content.run_at(page, page_);
    if (!(run.key == parts_[part].key)) break;
    page = std::min({stop, run.end, parts_[part].end});
    if (page < parts_[part].end) break;
  }
  return page;
}

// Follows a content down the tree, marks what it passes as used, and splits the node it ends in.
RadixCache::Found RadixCache::walk(const Content& content, std::int64_t limit) {
  Found found;
  ++clock_;
  while (found.pages < limit) {
    const Index child = table_.find(content.run_at(found.pages, page_).key, found.pages);
    if (child == kNone) break;
    touch(child);
    const std::int64_t page = agreement(nodes_[child], content, limit);
    EPH_ASSERT(page > found.pages, "a radix node found by page {} differs there", found.pages);
    found.pages = page;
    if (page < nodes_[child].end) {
      found.node = split(child, page);
      break;
    }
    found.node = child;
  }
  return found;
}

// A new node takes over the pages before `page`, and becomes the parent of the old one.
RadixCache::Index RadixCache::split(Index at, std::int64_t page) {
  const Index upper = make_node(nodes_[at]);
  Node& u = nodes_[upper];
  Node& lower = nodes_[at];
  u.end = lower.begin = page;
  u.children = 1;
  u.rank = kNone;
  lower.parent = upper;
  table_.put(parts_[u.parts].key, u.begin, upper);
  Index part = u.parts;
  while (parts_[part].end < page) part = parts_[part].next;
  if (parts_[part].end == page) {
    lower.parts = parts_[part].next;
  } else {
    lower.parts = make_part(parts_[part]);
    parts_[part].end = page;
  }
  parts_[part].next = kNone;
  table_.put(parts_[lower.parts].key, page, at);
  return upper;
}

RadixCache::Index RadixCache::add_leaf(Found parent, const Content& content, std::int64_t end) {
  Node leaf;
  leaf.parent = parent.node;
  leaf.begin = parent.pages;
  leaf.end = end;
  leaf.used = ++clock_;  // later than what the walk has just split off
  Index last = kNone;
  for (std::int64_t page = leaf.begin; page < end;) {
    const Content::Run run = content.run_at(page, page_);
    page = std::min(end, run.end);
    const Index part = make_part({run.key, page, kNone});
    (last == kNone ? leaf.parts : parts_[last].next) = part;
    last = part;
  }
  const Index at = make_node(leaf);
  table_.put(parts_[leaf.parts].key, leaf.begin, at);
  ++nodes_[parent.node].children;
  evictable_ += end - leaf.begin;
  update_rank(parent.node);
  update_rank(at);
  return at;
}

void RadixCache::remove_leaf(Index at) {
  Node& leaf = nodes_[at];
  EPH_ASSERT(leaf.children == 0 && leaf.locks == 0,
             "a radix node with {} children and {} locks goes", leaf.children, leaf.locks);
  table_.erase(parts_[leaf.parts].key, leaf.begin);
  for (Index part = leaf.parts; part != kNone; part = parts_[part].next)
    unused_parts_.push_back(part);
  evictable_ -= leaf.end - leaf.begin;
  leaf.locks = 1;
  update_rank(at);
  --nodes_[leaf.parent].children;
  update_rank(leaf.parent);
  unused_.push_back(at);
}

// Locks the path up to the root; returns how many of its pages were not locked before.
std::int64_t RadixCache::lock(Index at) {
  std::int64_t pages = 0;
  for (; at != kRoot; at = nodes_[at].parent) {
    Node& node = nodes_[at];
    if (node.locks++ > 0) continue;
    pages += node.end - node.begin;
    update_rank(at);
  }
  evictable_ -= pages;
  return pages;
}

std::int64_t RadixCache::unlock(Index at) {
  std::int64_t pages = 0;
  for (; at != kRoot; at = nodes_[at].parent) {
    Node& node = nodes_[at];
    EPH_ASSERT(node.locks > 0, "a radix node of {} pages is unlocked twice", node.end - node.begin);
    if (--node.locks > 0) continue;
    pages += node.end - node.begin;
    update_rank(at);
  }
  evictable_ += pages;
  return pages;
}

// --- leaves that may go ---

void RadixCache::touch(Index at) {
  Node& node = nodes_[at];
  node.used = clock_;
  if (node.rank != kNone) sift_down(node.rank);
}

void RadixCache::update_rank(Index at) {
  const bool may_go = nodes_[at].locks == 0 && nodes_[at].children == 0;
  if (may_go == (nodes_[at].rank != kNone)) return;
  if (may_go) {
    heap_.push_back(at);
    nodes_[at].rank = static_cast<Index>(heap_.size() - 1);
    sift_up(heap_.size() - 1);
    return;
  }
  const std::size_t i = nodes_[at].rank;
  swap_ranks(i, heap_.size() - 1);
  heap_.pop_back();
  nodes_[at].rank = kNone;
  if (i == heap_.size()) return;
  sift_up(i);
  sift_down(i);
}

void RadixCache::swap_ranks(std::size_t a, std::size_t b) {
  std::swap(heap_[a], heap_[b]);
  nodes_[heap_[a]].rank = static_cast<Index>(a);
  nodes_[heap_[b]].rank = static_cast<Index>(b);
}

void RadixCache::sift_up(std::size_t i) {
  while (i > 0 && before(i, (i - 1) / 2)) {
    swap_ranks(i, (i - 1) / 2);
    i = (i - 1) / 2;
  }
}

void RadixCache::sift_down(std::size_t i) {
  for (;;) {
    std::size_t least = i;
    for (std::size_t child = 2 * i + 1; child <= 2 * i + 2; ++child)
      if (child < heap_.size() && before(child, least)) least = child;
    if (least == i) return;
    swap_ranks(i, least);
    i = least;
  }
}

// --- sequences ---

PrefixHit RadixCache::find(const Content& content, std::int64_t limit) {
  const Found found = walk(content, limit);
  PrefixHit hit{found.pages, 0};
  for (Index at = found.node; at != kRoot && nodes_[at].locks == 0; at = nodes_[at].parent)
    hit.idle += nodes_[at].end - nodes_[at].begin;
  return hit;
}

void RadixCache::hold(SeqId id, const Content& content, std::int64_t blocks) {
  EPH_ASSERT(holding(id).pages == 0, "sequence {} holds {} pages already", index(id),
             holding(id).pages);
  Found found;
  while (found.pages < blocks) {  // the path that find has just marked and split
    found.node = table_.find(content.run_at(found.pages, page_).key, found.pages);
    EPH_ASSERT(found.node != kNone, "page {} of {} found is gone", found.pages, blocks);
    found.pages = nodes_[found.node].end;
  }
  EPH_ASSERT(found.pages == blocks, "{} pages found, {} held", found.pages, blocks);
  (void)lock(found.node);
  holding(id) = {found.node, blocks};
}

std::int64_t RadixCache::store(SeqId id, const Content& content, std::int64_t blocks,
                               bool /*returns*/) {
  Holding& own = holding(id);
  if (blocks <= own.pages) return 0;
  const Found found = walk(content, blocks);
  const Index node = found.pages < blocks ? add_leaf(found, content, blocks) : found.node;
  const std::int64_t shared = lock(node);
  (void)unlock(own.node);  // a part of the path just locked
  const std::int64_t moved = blocks - own.pages;
  own = {node, blocks};
  return moved - shared;
}

std::int64_t RadixCache::release(SeqId id, std::int64_t held) {
  Holding& own = holding(id);
  const std::int64_t idle = held - own.pages + unlock(own.node);
  own = {};
  return idle;
}

void RadixCache::forget(std::int64_t blocks, std::int64_t free) {
  if (free - evictable_ >= 0) return;
  for (std::int64_t gone = 0; gone < blocks && !heap_.empty();) {
    const Index leaf = heap_.front();
    gone += nodes_[leaf].end - nodes_[leaf].begin;
    remove_leaf(leaf);
  }
}

}  // namespace eph::sim
