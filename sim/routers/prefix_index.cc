#include "sim/routers/prefix_index.h"

#include <algorithm>

namespace eph::sim {

std::span<const PrefixIndex::Match> PrefixIndex::match(const Content& content, std::int64_t blocks,
                                                       SimTime since) {
  for (const Match& m : matches_) match_of_[m.place] = 0;
  matches_.clear();
  match_of_.resize(places_.size());
  blocks = content.shareable(blocks, block_tokens_);
  for (std::int64_t from = 0; from < blocks;) {
    const Content::Run run = content.run_at(from, block_tokens_);
    const std::int64_t to = std::min(blocks, run.end);
    bool on = false;  // somebody has the run up to its end
    for (Index at = table_.find(run.key, 0); at != kNone; at = entries_[at].next) {
      const Entry& e = entries_[at];
      if (e.begin > from || e.end <= from || e.used < since) continue;
      std::uint32_t& number = match_of_[e.place];
      if (from == 0) {
        matches_.push_back({e.place, 0});
        number = static_cast<std::uint32_t>(matches_.size());
      }
      if (number == 0 || matches_[number - 1].blocks != from) continue;
      matches_[number - 1].blocks = std::min(to, e.end);
      on = on || e.end >= to;
    }
    if (!on) break;
    from = to;
  }
  return matches_;
}

std::int64_t PrefixIndex::matched(const Content& content, std::int64_t blocks, std::uint32_t place,
                                  SimTime since) const {
  blocks = content.shareable(blocks, block_tokens_);
  std::int64_t from = 0;
  while (from < blocks) {
    const Content::Run run = content.run_at(from, block_tokens_);
    const Index at = table_.find(run.key, 1 + std::int64_t{place});
    if (at == kNone) break;
    const Entry& e = entries_[at];
    if (e.begin > from || e.end <= from || e.used < since) break;
    const std::int64_t to = std::min(blocks, run.end);
    from = std::min(to, e.end);
    if (from < to) break;
  }
  return from;
}

void PrefixIndex::insert(const Content& content, std::int64_t blocks, std::uint32_t place,
                         SimTime now) {
  if (place >= places_.size()) places_.resize(place + 1);
  const std::int64_t named = content.shareable(blocks, block_tokens_);
  if (blocks > named) put_unnamed(blocks - named, place, now);
  runs_.clear();
  for (std::int64_t from = 0; from < named;) {
    runs_.push_back(content.run_at(from, block_tokens_));
    from = runs_.back().end = std::min(named, runs_.back().end);
  }
  // The last first, so that a beginning outlives what follows it.
  for (std::size_t i = runs_.size(); i-- > 0;)
    put(runs_[i].key, i == 0 ? 0 : runs_[i - 1].end, runs_[i].end, place, now);
}

void PrefixIndex::put(RunKey key, std::int64_t from, std::int64_t to, std::uint32_t place,
                      SimTime now) {
  Index at = table_.find(key, 1 + std::int64_t{place});
  if (at == kNone) {
    at = make({key, from, to, now, place});
    resize(place, to - from);
    table_.put(key, 1 + std::int64_t{place}, at);
    const Index first = table_.find(key, 0);
    entries_[at].next = first;
    if (first != kNone) entries_[first].prev = at;
    table_.put(key, 0, at);
  } else {
    Entry& e = entries_[at];
    const bool apart = from > e.end || to < e.begin;
    const std::int64_t begin = apart ? from : std::min(from, e.begin);
    const std::int64_t end = apart ? to : std::max(to, e.end);
    resize(place, (end - begin) - (e.end - e.begin));
    e.begin = begin;
    e.end = end;
    e.used = now;
    detach(at);
  }
  append(at);
}

void PrefixIndex::put_unnamed(std::int64_t blocks, std::uint32_t place, SimTime now) {
  resize(place, blocks);
  if (const Index open = places_[place].unnamed; open != kNone) {
    Entry& e = entries_[open];
    e.end += blocks;
    if (e.end >= grain_) places_[place].unnamed = kNone;
    return;
  }
  const Index at = make({{}, 0, blocks, now, place});
  append(at);
  if (blocks < grain_) places_[place].unnamed = at;
}

void PrefixIndex::trim(std::uint32_t place, std::int64_t most) {
  if (place >= places_.size()) return;
  while (places_[place].size > most) {
    const Index at = places_[place].oldest;
    Entry& e = entries_[at];
    const std::int64_t excess = places_[place].size - most;
    if (e.end - e.begin > excess) {
      e.end -= excess;
      resize(place, -excess);
    } else {
      drop(at);
    }
  }
}

void PrefixIndex::expire(std::uint32_t place, SimTime since) {
  if (place >= places_.size()) return;
  while (places_[place].oldest != kNone && entries_[places_[place].oldest].used < since)
    drop(places_[place].oldest);
}

// --- entries ---

PrefixIndex::Index PrefixIndex::make(const Entry& entry) {
  if (unused_.empty()) {
    unused_.push_back(static_cast<Index>(entries_.size()));
    entries_.emplace_back();
  }
  const Index at = unused_.back();
  unused_.pop_back();
  entries_[at] = entry;
  return at;
}

void PrefixIndex::drop(Index at) {
  const Entry& e = entries_[at];
  resize(e.place, e.begin - e.end);
  detach(at);
  if (e.key.kind == RunKind::none) {
    if (places_[e.place].unnamed == at) places_[e.place].unnamed = kNone;
  } else {
    table_.erase(e.key, 1 + std::int64_t{e.place});
    if (e.next != kNone) entries_[e.next].prev = e.prev;
    if (e.prev != kNone)
      entries_[e.prev].next = e.next;
    else if (e.next != kNone)
      table_.put(e.key, 0, e.next);
    else
      table_.erase(e.key, 0);
  }
  unused_.push_back(at);
}

void PrefixIndex::append(Index at) {
  Place& place = places_[entries_[at].place];
  entries_[at].older = place.newest;
  entries_[at].newer = kNone;
  if (place.newest != kNone)
    entries_[place.newest].newer = at;
  else
    place.oldest = at;
  place.newest = at;
}

void PrefixIndex::detach(Index at) {
  const Entry& e = entries_[at];
  Place& place = places_[e.place];
  (e.older != kNone ? entries_[e.older].newer : place.oldest) = e.newer;
  (e.newer != kNone ? entries_[e.newer].older : place.newest) = e.older;
}

}  // namespace eph::sim
