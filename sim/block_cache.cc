#include "sim/block_cache.h"

#include <algorithm>
#include <limits>

#include "core/assert.h"

namespace eph::sim {

BlockCache::BlockCache(Rules rules, bool merges, const models::KvPool& pool)
    : PrefixCache(rules), block_size_(pool.block_size), merges_(merges) {
  append_anonymous(pool.usable_blocks);
}

// --- extents ---

BlockCache::Index BlockCache::make(Extent extent) {
  if (unused_.empty()) {
    unused_.push_back(static_cast<Index>(extents_.size()));
    extents_.emplace_back();
  }
  const Index at = unused_.back();
  unused_.pop_back();
  extents_[at] = extent;
  return at;
}

// The first stored of those that have the block.
BlockCache::Index BlockCache::locate(RunKey key, std::int64_t block) const {
  const Index first = table_.find(key, 0);
  if (first == kNone) return kNone;
  Index at = first;
  do {
    const Extent& e = extents_[at];
    if (e.begin <= block && block < e.end) return at;
    at = e.ring_next;
  } while (at != first);
  return kNone;
}

// The first block from `block` on that is stored.
std::int64_t BlockCache::next_stored(RunKey key, std::int64_t block) const {
  std::int64_t next = std::numeric_limits<std::int64_t>::max();
  const Index first = table_.find(key, 0);
  if (first == kNone) return next;
  Index at = first;
  do {
    const Extent& e = extents_[at];
    if (e.end > block) next = std::min(next, std::max(e.begin, block));
    at = e.ring_next;
  } while (at != first);
  return next;
}

void BlockCache::link(Index at) {
  Extent& e = extents_[at];
  const Index first = table_.find(e.key, 0);
  if (first == kNone) {
    e.ring_prev = e.ring_next = at;
    table_.put(e.key, 0, at);
    return;
  }
  e.ring_next = first;
  e.ring_prev = extents_[first].ring_prev;
  extents_[e.ring_prev].ring_next = at;
  extents_[first].ring_prev = at;
}

void BlockCache::unlink(Index at) {
  Extent& e = extents_[at];
  if (e.ring_next == at) return table_.erase(e.key, 0);
  extents_[e.ring_prev].ring_next = e.ring_next;
  extents_[e.ring_next].ring_prev = e.ring_prev;
  if (table_.find(e.key, 0) == at) table_.put(e.key, 0, e.ring_next);
}

// Cuts an extent before `block`; returns the second part, which is taken before the first.
BlockCache::Index BlockCache::split(Index at, std::int64_t block) {
  EPH_DASSERT(extents_[at].begin < block && block < extents_[at].end, "split at block {}", block);
  const Index tail = make(extents_[at]);
  Extent& head = extents_[at];
  Extent& rest = extents_[tail];
  head.end = rest.begin = block;
  if (head.holders > 0)
    head.rest = tail;  // and the tail keeps what was cut off before
  else
    push_idle(tail, head.older);
  rest.ring_prev = at;
  extents_[head.ring_next].ring_prev = tail;
  head.ring_next = tail;
  return tail;
}

// --- idle queue ---

void BlockCache::push_idle(Index at, Index older) {
  Extent& e = extents_[at];
  e.older = older;
  e.newer = older == kNone ? oldest_ : extents_[older].newer;
  (e.older == kNone ? oldest_ : extents_[e.older].newer) = at;
  (e.newer == kNone ? newest_ : extents_[e.newer].older) = at;
}

void BlockCache::drop_idle(Index at) {
  const Extent& e = extents_[at];
  (e.older == kNone ? oldest_ : extents_[e.older].newer) = e.newer;
  (e.newer == kNone ? newest_ : extents_[e.newer].older) = e.older;
}

void BlockCache::append_anonymous(std::int64_t blocks) {
  if (blocks == 0) return;
  if (newest_ != kNone && extents_[newest_].key.kind == RunKind::none) {
    extents_[newest_].end += blocks;
    return;
  }
  Extent e;
  e.end = blocks;
  push_idle(make(e), newest_);
}

void BlockCache::append_idle(Index at) {
  const Extent& e = extents_[at];
  if (e.key.kind != RunKind::none) return push_idle(at, newest_);
  const std::int64_t blocks = e.end - e.begin;
  unused_.push_back(at);
  append_anonymous(blocks);
}

void BlockCache::take(std::int64_t blocks) {
  while (blocks > 0) {
    EPH_ASSERT(oldest_ != kNone, "{} kv blocks taken that are not idle", blocks);
    Extent& e = extents_[oldest_];
    const std::int64_t now = std::min(blocks, e.end - e.begin);
    e.end -= now;
    blocks -= now;
    if (e.end > e.begin) return;
    const Index gone = oldest_;
    drop_idle(gone);
    if (e.key.kind != RunKind::none) unlink(gone);
    unused_.push_back(gone);
  }
}

// --- sequences ---

std::vector<BlockCache::Piece>& BlockCache::pieces_of(SeqId id) {
  if (index(id) >= pieces_.size()) pieces_.resize(index(id) + 1);
  return pieces_[index(id)];
}

PrefixHit BlockCache::find(const Content& content, std::int64_t limit) {
  PrefixHit hit;
  while (hit.blocks < limit) {
    const Content::Run run = content.run_at(hit.blocks, block_size_);
    const Index at = locate(run.key, hit.blocks);
    if (at == kNone) break;
    const std::int64_t end = std::min({limit, run.end, extents_[at].end});
    if (extents_[at].holders == 0) hit.idle += end - hit.blocks;
    hit.blocks = end;
  }
  return hit;
}

void BlockCache::hold(SeqId id, const Content& content, std::int64_t blocks) {
  std::vector<Piece>& pieces = pieces_of(id);
  EPH_ASSERT(pieces.empty(), "sequence {} holds kv blocks already", index(id));
  for (std::int64_t from = 0; from < blocks;) {
    const Content::Run run = content.run_at(from, block_size_);
    Index at = locate(run.key, from);
    EPH_ASSERT(at != kNone, "kv block {} of {} found is gone", from, blocks);
    if (extents_[at].begin < from) at = split(at, from);
    const std::int64_t end = std::min({blocks, run.end, extents_[at].end});
    if (end < extents_[at].end) split(at, end);
    if (extents_[at].holders++ == 0) drop_idle(at);
    pieces.push_back({at, end});
    from = end;
  }
}

// Makes the last extent that only this sequence holds longer, if no later one could be found first.
bool BlockCache::extend(std::vector<Piece>& pieces, RunKey key, std::int64_t from,
                        std::int64_t to) {
  if (pieces.empty()) return false;
  Piece& last = pieces.back();
  Index at = last.extent;
  while (extents_[at].end != last.end) at = extents_[at].rest;
  Extent& e = extents_[at];
  if (!(e.key == key) || e.holders != 1 || e.end != from) return false;
  if (extents_[table_.find(key, 0)].ring_prev != at) return false;
  e.end = last.end = to;
  return true;
}

std::int64_t BlockCache::store(SeqId id, const Content& content, std::int64_t blocks,
                               bool returns) {
  if (!returns) blocks = content.shareable(blocks, block_size_);
  std::vector<Piece>& pieces = pieces_of(id);
  for (std::int64_t from = pieces.empty() ? 0 : pieces.back().end; from < blocks;) {
    const Content::Run run = content.run_at(from, block_size_);
    std::int64_t to = std::min(blocks, run.end);
    Extent e{run.key, from, to, 1};
    if (merges_) {
      const std::int64_t next = next_stored(run.key, from);
      if (next == from) {
        e.key = {};  // its own copy serves nobody else
        to = std::min(to, extents_[locate(run.key, from)].end);
      } else
        to = std::min(to, next);
      e.end = to;
    }
    if (e.key.kind == RunKind::none) {
      pieces.push_back({make(e), to});
    } else if (!extend(pieces, run.key, from, to)) {
      const Index at = make(e);
      link(at);
      pieces.push_back({at, to});
    }
    from = to;
  }
  return 0;
}

std::int64_t BlockCache::release(SeqId id, std::int64_t held) {
  std::vector<Piece>& pieces = pieces_of(id);
  const std::int64_t loose = held - (pieces.empty() ? 0 : pieces.back().end);
  EPH_ASSERT(loose >= 0, "{} kv blocks held, {} more stored", held, -loose);
  std::int64_t idle = loose;
  append_anonymous(loose);
  for (; !pieces.empty(); pieces.pop_back()) {
    scratch_.clear();
    for (Index at = pieces.back().extent;; at = extents_[at].rest) {
      scratch_.push_back(at);
      if (extents_[at].end == pieces.back().end) break;
    }
    for (; !scratch_.empty(); scratch_.pop_back()) {
      const Index at = scratch_.back();
      if (--extents_[at].holders > 0) continue;
      idle += extents_[at].end - extents_[at].begin;
      append_idle(at);
    }
  }
  return idle;
}

}  // namespace eph::sim
