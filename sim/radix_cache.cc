#include "sim/radix_cache.h"

#include <algorithm>

#include "core/assert.h"

namespace eph::sim {
namespace {

constexpr std::uint32_t kPageBits = (std::uint32_t{1} << 30) - 1;

}  // namespace

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
  Index at = unused_part_;
  if (at == kNone) {
    at = static_cast<Index>(parts_.size());
    parts_.emplace_back();
  } else {
    unused_part_ = parts_[at].next;
  }
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
  const std::int64_t stop = std::min<std::int64_t>(limit, node.end);
  std::int64_t page = node.begin;
  for (Index at = node.parts; page < stop;) {
    const Part& part = parts_[at];
    const Content::Run run = content.run_at(page, page_);
    if (!(run.key == part.key())) break;
    page = std::min({stop, run.end, std::int64_t{part.end}});
    if (page < part.end) break;
    at = part.next;
  }
  return page;
}

// Follows a content down the tree from a node that it is known to reach, marks all it passes as
// used, and splits the node it ends in.
RadixCache::Found RadixCache::walk(const Content& content, std::int64_t limit, Found from) {
  Found found = from;
  ++clock_;
  for (Index at = from.node; at != kRoot; at = nodes_[at].parent) nodes_[at].used = clock_;
  while (found.pages < limit && nodes_[found.node].children > 0) {
    const Index child = table_.find(content.run_at(found.pages, page_).key, found.pages);
    if (child == kNone) break;
    nodes_[child].used = clock_;
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
  u.end = lower.begin = static_cast<std::uint32_t>(page);
  u.children = 1;
  u.queued = false;
  lower.parent = upper;
  table_.put(parts_[u.parts].key(), u.begin, upper);
  Index part = u.parts;
  while (parts_[part].end < page) part = parts_[part].next;
  if (parts_[part].end == page) {
    lower.parts = parts_[part].next;
  } else {
    lower.parts = make_part(parts_[part]);
    if (lower.last_part == part) lower.last_part = lower.parts;
    parts_[part].end = static_cast<std::uint32_t>(page) & kPageBits;
  }
  parts_[part].next = kNone;
  u.last_part = part;
  table_.put(parts_[lower.parts].key(), page, at);
  return upper;
}

RadixCache::Index RadixCache::add_leaf(Found parent, const Content& content, std::int64_t end) {
  EPH_ASSERT(end <= kPageBits, "a sequence of {} pages", end);
  Node leaf;
  leaf.parent = parent.node;
  leaf.begin = static_cast<std::uint32_t>(parent.pages);
  leaf.end = static_cast<std::uint32_t>(end);
  leaf.used = ++clock_;  // later than what the walk has just split off
  for (std::int64_t page = leaf.begin; page < end;) {
    const Content::Run run = content.run_at(page, page_);
    page = std::min(end, run.end);
    Part next;
    next.id = run.key.id;
    next.kind = run.key.kind;
    next.end = static_cast<std::uint32_t>(page) & kPageBits;
    const Index part = make_part(next);
    (leaf.parts == kNone ? leaf.parts : parts_[leaf.last_part].next) = part;
    leaf.last_part = part;
  }
  const Index at = make_node(leaf);
  table_.put(parts_[leaf.parts].key(), leaf.begin, at);
  ++nodes_[parent.node].children;
  evictable_ += leaf.pages();
  return at;
}

void RadixCache::remove_leaf(Index at) {
  const Node& leaf = nodes_[at];
  EPH_ASSERT(leaf.children == 0 && leaf.locks == 0,
             "a radix node with {} children and {} locks goes", leaf.children, leaf.locks);
  table_.erase(parts_[leaf.parts].key(), leaf.begin);
  parts_[leaf.last_part].next = unused_part_;
  unused_part_ = leaf.parts;
  evictable_ -= leaf.pages();
  --nodes_[leaf.parent].children;
  may_go(leaf.parent);
  unused_.push_back(at);
}

// Locks the path up to the root; returns how many of its pages were not locked before.
std::int64_t RadixCache::lock(Index at) {
  std::int64_t pages = 0;
  for (; at != kRoot; at = nodes_[at].parent) {
    Node& node = nodes_[at];
    if (node.locks++ == 0) pages += node.pages();
  }
  evictable_ -= pages;
  return pages;
}

std::int64_t RadixCache::unlock(Index at) {
  std::int64_t pages = 0;
  for (; at != kRoot; at = nodes_[at].parent) {
    Node& node = nodes_[at];
    EPH_ASSERT(node.locks > 0, "a radix node of {} pages is unlocked twice", node.pages());
    if (--node.locks > 0) continue;
    pages += node.pages();
    may_go(at);
  }
  evictable_ += pages;
  return pages;
}

void RadixCache::may_go(Index at) {
  Node& node = nodes_[at];
  if (node.queued || node.locks > 0 || node.children > 0) return;
  node.queued = true;
  leaves_.push({node.used, at});
}

// --- sequences ---

PrefixHit RadixCache::find(const Content& content, std::int64_t limit) {
  const Found found = walk(content, limit, {});
  PrefixHit hit{found.pages, 0};
  for (Index at = found.node; at != kRoot && nodes_[at].locks == 0; at = nodes_[at].parent)
    hit.idle += nodes_[at].pages();
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
  const Found found = walk(content, blocks, {own.node, own.pages});
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
  for (std::int64_t gone = 0; gone < blocks && !leaves_.empty();) {
    const AgeQueue::Entry oldest = leaves_.pop();
    if (const AgeQueue::Entry* next = leaves_.upcoming(1)) __builtin_prefetch(&nodes_[next->item]);
    Node& node = nodes_[oldest.item];
    node.queued = false;
    if (node.used != oldest.age) {
      may_go(oldest.item);
    } else if (node.locks == 0 && node.children == 0) {
      gone += node.pages();
      remove_leaf(oldest.item);
    }
  }
}

}  // namespace eph::sim
