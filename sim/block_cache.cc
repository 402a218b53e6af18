#include "sim/block_cache.h"

#include <algorithm>
#include <limits>

#include "core/assert.h"

namespace eph::sim {

BlockCache::BlockCache(Rules rules, bool merges, const models::KvPool& pool)
    : PrefixCache(rules), block_size_(pool.block_size), merges_(merges) {
  constexpr int kFirst = 8;
  rings_.assign(std::size_t{1} << kFirst, kNone);
  shift_ = 64 - kFirst;
  EPH_ASSERT(pool.usable_blocks < kNone, "{} kv blocks", pool.usable_blocks);
  append_anonymous(pool.usable_blocks);
}

// --- extents ---

BlockCache::Index BlockCache::make(const Extent& extent) {
  if (unused_.empty()) {
    extents_.push_back(Extent(extent));
    return static_cast<Index>(extents_.size() - 1);
  }
  const Index at = unused_.back();
  unused_.pop_back();
  extents_[at] = extent;
  return at;
}

// The first stored of those that have the block.
BlockCache::Index BlockCache::locate(RunKey key, std::int64_t block) const {
  const Index first = ring_of(key);
  if (first == kNone) return kNone;
  Index at = first;
  do {
    const Extent& e = extents_[at];
    if (e.has(key) && e.begin <= block && block < e.end) return at;
    at = e.ring_next;
  } while (at != first);
  return kNone;
}

// The first block from `block` on that is stored.
std::int64_t BlockCache::next_stored(RunKey key, std::int64_t block) const {
  std::int64_t next = std::numeric_limits<std::int64_t>::max();
  const Index first = ring_of(key);
  if (first == kNone) return next;
  Index at = first;
  do {
    const Extent& e = extents_[at];
    if (e.has(key) && e.end > block) next = std::min(next, std::max<std::int64_t>(e.begin, block));
    at = e.ring_next;
  } while (at != first);
  return next;
}

void BlockCache::link(Index at) {
  if (++linked_ > rings_.size()) grow_table();
  Extent& e = extents_[at];
  Index& first = ring_of({e.id, e.kind});
  if (first == kNone) {
    first = e.ring_prev = e.ring_next = at;
    return;
  }
  e.ring_next = first;
  e.ring_prev = extents_[first].ring_prev;
  extents_[e.ring_prev].ring_next = at;
  extents_[first].ring_prev = at;
}

void BlockCache::unlink(Index at) {
  const Extent& e = extents_[at];
  --linked_;
  Index& first = ring_of({e.id, e.kind});
  if (e.ring_next == at) {
    first = kNone;
    return;
  }
  extents_[e.ring_prev].ring_next = e.ring_next;
  extents_[e.ring_next].ring_prev = e.ring_prev;
  if (first == at) first = e.ring_next;
}

// Each ring becomes two, in the same order.
void BlockCache::grow_table() {
  std::vector<Index> old(2 * rings_.size(), kNone);
  old.swap(rings_);
  --shift_;
  linked_ = 1;  // the one that is about to be linked
  for (const Index first : old) {
    if (first == kNone) continue;
    const Index last = extents_[first].ring_prev;
    for (Index at = first, next = kNone;; at = next) {
      next = extents_[at].ring_next;
      link(at);
      if (at == last) break;
    }
  }
}

bool BlockCache::is_last_of_key(Index at) const {
  const Extent& e = extents_[at];
  const RunKey key{e.id, e.kind};
  const Index first = ring_of(key);
  for (Index i = e.ring_next; i != first; i = extents_[i].ring_next)
    if (extents_[i].has(key)) return false;
  return true;
}

// Cuts an extent before `block`; returns the second part, which is taken before the first.
BlockCache::Index BlockCache::split(Index at, std::int64_t block) {
  EPH_DASSERT(extents_[at].begin < block && block < extents_[at].end, "split at block {}", block);
  const Index tail = make(extents_[at]);
  Extent& head = extents_[at];
  Extent& rest = extents_[tail];
  head.end = rest.begin = static_cast<std::uint32_t>(block);
  ++linked_;
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
  if (newest_ != kNone && extents_[newest_].kind == RunKind::none) {
    extents_[newest_].end += static_cast<std::uint32_t>(blocks);
    return;
  }
  Extent e;
  e.end = static_cast<std::uint32_t>(blocks);
  push_idle(make(e), newest_);
}

void BlockCache::append_idle(Index at) {
  const Extent& e = extents_[at];
  if (e.kind != RunKind::none) return push_idle(at, newest_);
  const std::uint32_t blocks = e.blocks();
  unused_.push_back(at);
  append_anonymous(blocks);
}

void BlockCache::take(std::int64_t blocks) {
  while (blocks > 0) {
    EPH_ASSERT(oldest_ != kNone, "{} kv blocks taken that are not idle", blocks);
    Extent& e = extents_[oldest_];
    if (e.newer != kNone) __builtin_prefetch(&extents_[e.newer]);
    const std::int64_t now = std::min<std::int64_t>(blocks, e.blocks());
    e.end -= static_cast<std::uint32_t>(now);
    blocks -= now;
    if (e.end > e.begin) return;
    const Index gone = oldest_;
    drop_idle(gone);
    if (e.kind != RunKind::none) unlink(gone);
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
    const Extent& e = extents_[at];
    const std::int64_t end = std::min({limit, run.end, std::int64_t{e.end}});
    if (e.holders == 0) hit.idle += end - hit.blocks;
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
    const std::int64_t end = std::min({blocks, run.end, std::int64_t{extents_[at].end}});
    if (end < extents_[at].end) split(at, end);
    if (extents_[at].holders++ == 0) drop_idle(at);
    pieces.push_back({at, static_cast<std::uint32_t>(end)});
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
  if (!e.has(key) || e.holders != 1 || e.end != from || !is_last_of_key(at)) return false;
  e.end = last.end = static_cast<std::uint32_t>(to);
  return true;
}

std::int64_t BlockCache::store(SeqId id, const Content& content, std::int64_t blocks,
                               bool returns) {
  if (!returns) blocks = content.shareable(blocks, block_size_);
  std::vector<Piece>& pieces = pieces_of(id);
  for (std::int64_t from = pieces.empty() ? 0 : pieces.back().end; from < blocks;) {
    const Content::Run run = content.run_at(from, block_size_);
    std::int64_t to = std::min(blocks, run.end);
    RunKey key = run.key;
    if (merges_) {
      const std::int64_t next = next_stored(run.key, from);
      if (next == from) {
        key = {};  // its own copy serves nobody else
        to = std::min<std::int64_t>(to, extents_[locate(run.key, from)].end);
      } else
        to = std::min(to, next);
    }
    const bool named = key.kind != RunKind::none;
    if (!named || !extend(pieces, key, from, to)) {
      Extent e;
      e.id = key.id;
      e.kind = key.kind;
      e.begin = static_cast<std::uint32_t>(from);
      e.end = static_cast<std::uint32_t>(to);
      e.holders = 1;
      const Index at = make(e);
      if (named) link(at);
      pieces.push_back({at, e.end});
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
    const Piece piece = pieces.back();
    for (Index at = piece.extent; extents_[at].end != piece.end; at = extents_[at].rest)
      scratch_.push_back(at);
    Index at = piece.extent;
    if (!scratch_.empty()) at = extents_[scratch_.back()].rest;
    for (;;) {
      if (--extents_[at].holders == 0) {
        idle += extents_[at].blocks();
        append_idle(at);
      }
      if (scratch_.empty()) break;
      at = scratch_.back();
      scratch_.pop_back();
    }
  }
  return idle;
}

}  // namespace eph::sim
