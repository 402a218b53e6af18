#pragma once
// What a router believes that the replicas of its pool have cached.
#include <span>
#include <vector>

#include "core/time.h"
#include "sim/run_table.h"

namespace eph::sim {

// Prompts that were sent to each place, in blocks of `block_tokens`, oldest first out.
//
// Blocks of one run at one place are one entry, so the work grows with runs, not with blocks, and
// a block may as well be a token. The blocks of a prompt that nobody else can ask for are counted
// but not named; those that follow each other at a place share an entry of up to `grain` blocks.
// An entry is used as a whole; its last blocks go first. Takes no memory once grown.
class PrefixIndex {
 public:
  struct Match {
    std::uint32_t place = 0;
    std::int64_t blocks = 0;
  };

  PrefixIndex(std::int32_t block_tokens, std::int64_t grain)
      : block_tokens_(block_tokens), grain_(grain) {}

  // Places that have one or more of the leading `blocks`, used at `since` or later, and how many;
  // in no order that means anything. Valid until the next call.
  [[nodiscard]] std::span<const Match> match(const Content& content, std::int64_t blocks,
                                             SimTime since = SimTime::zero());
  // The same for one place.
  [[nodiscard]] std::int64_t matched(const Content& content, std::int64_t blocks,
                                     std::uint32_t place, SimTime since = SimTime::zero()) const;
  // A prompt goes to `place`: its first blocks are the newest there. `now` never goes back.
  void insert(const Content& content, std::int64_t blocks, std::uint32_t place, SimTime now);

  [[nodiscard]] std::int64_t size(std::uint32_t place) const {
    return place < places_.size() ? places_[place].size : 0;
  }
  [[nodiscard]] std::int64_t size() const { return size_; }
  [[nodiscard]] std::size_t entries() const { return entries_.size() - unused_.size(); }
  [[nodiscard]] std::uint32_t places() const { return static_cast<std::uint32_t>(places_.size()); }

  void trim(std::uint32_t place, std::int64_t most);  // the least recently used go
  void expire(std::uint32_t place, SimTime since);    // those last used before go
  void clear(std::uint32_t place) { trim(place, 0); }

 private:
  using Index = std::uint32_t;
  static constexpr Index kNone = RunTable::kNone;
  // Blocks begin..end-1 of a run at a place; without a key, so many that nobody asks for.
  struct Entry {
    RunKey key;
    std::int64_t begin = 0, end = 0;
    SimTime used{};
    std::uint32_t place = 0;
    Index older = kNone, newer = kNone;  // at the place
    Index prev = kNone, next = kNone;    // of the run, at other places
  };
  struct Place {
    Index oldest = kNone, newest = kNone;
    Index unnamed = kNone;  // that still takes blocks
    std::int64_t size = 0;
  };

  void put(RunKey key, std::int64_t from, std::int64_t to, std::uint32_t place, SimTime now);
  void put_unnamed(std::int64_t blocks, std::uint32_t place, SimTime now);
  Index make(const Entry& entry);
  void drop(Index at);
  void append(Index at);
  void detach(Index at);
  void resize(std::uint32_t place, std::int64_t by) {
    places_[place].size += by;
    size_ += by;
  }

  std::int32_t block_tokens_;
  std::int64_t grain_;
  RunTable table_;  // (run, 0): its first entry; (run, 1 + place): its entry there
  std::vector<Entry> entries_;
  std::vector<Index> unused_;
  std::vector<Place> places_;
  std::int64_t size_ = 0;
  std::vector<Match> matches_;
  std::vector<std::uint32_t> match_of_;  // by place: 1 + index in matches_, 0: none
  std::vector<Content::Run> runs_;
};

}  // namespace eph::sim
