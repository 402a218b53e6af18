#pragma once
// What a gateway believes of a pool's replicas: exact, or as of the last scrape.
#include <cstdint>
#include <span>
#include <vector>

#include "core/time.h"
#include "sim/engine_levels.h"
#include "sim/fleet/load_index.h"

namespace eph::sim {

// Of one replica: requests that the gateway has sent there and that have not ended at the client,
// and their prompt tokens.
struct ReplicaLoad {
  std::int64_t requests = 0, tokens = 0;
};

// Places are those of the pool. Members are the replicas that may get requests.
//
// With a staleness above zero, what `seen` and `least` know is the state at the last multiple of
// it; who is a member is always known.
class LoadBoard {
 public:
  explicit LoadBoard(Duration staleness) : staleness_(staleness) {}

  void add(std::uint32_t place);  // becomes a member
  void remove(std::uint32_t place);
  // Ascending. Empty: nobody to send to.
  [[nodiscard]] const std::vector<std::uint32_t>& members() const { return members_; }
  [[nodiscard]] bool is_member(std::uint32_t place) const {
    return place < rows_.size() && rows_[place].member;
  }

  void change(SimTime now, std::uint32_t place, std::int64_t requests, std::int64_t tokens) {
    if (place >= rows_.size()) rows_.resize(place + 1);
    if (staleness_ > Duration::zero()) look(now);
    Row& row = rows_[place];
    row.now.requests += requests;
    row.now.tokens += tokens;
    EPH_DASSERT(row.now.requests >= 0, "place {} has {} requests", place, row.now.requests);
    if (staleness_ == Duration::zero())
      show(place);
    else if (!row.changed) {
      row.changed = true;
      changed_.push_back(place);
    }
  }
  // Call before reading: brings what is seen up to the last scrape before `now`, or at it. With
  // levels, call also before anything happens at `now` that may change them.
  void look(SimTime now) {
    if (staleness_ > Duration::zero()) {
      if (now >= next_scrape_) scrape(now);
    } else if (probe_ != nullptr) {
      probe_levels(now);
    }
  }
  [[nodiscard]] ReplicaLoad exact(std::uint32_t place) const {
    return place < rows_.size() ? rows_[place].now : ReplicaLoad{};
  }
  [[nodiscard]] ReplicaLoad seen(std::uint32_t place) const { return rows_[place].seen; }
  // A new member has none; one that does not answer keeps those of the last time. Requires watch().
  [[nodiscard]] const EngineLevels& levels(std::uint32_t place) const {
    return rows_[place].levels;
  }
  // Require members.
  [[nodiscard]] std::uint32_t least_requests() const { return by_requests_.least(); }
  [[nodiscard]] std::uint32_t least_tokens() const { return by_tokens_.least(); }
  // The router looks at tokens: an index of them is kept.
  void index_tokens() { tokens_indexed_ = true; }
  // It looks into engines: their levels are kept. The probe outlives the board.
  void watch(EngineProbe& probe) { probe_ = &probe; }
  [[nodiscard]] bool looks_live() const {
    return probe_ != nullptr && staleness_ == Duration::zero();
  }
  [[nodiscard]] bool scrapes_levels() const {
    return probe_ != nullptr && staleness_ > Duration::zero();
  }

 private:
  struct Row {
    ReplicaLoad now, seen;
    EngineLevels levels;
    bool member = false, changed = false;
  };
  void scrape(SimTime now);
  void probe_levels(SimTime at);
  void show(std::uint32_t place) {
    Row& row = rows_[place];
    row.seen = row.now;
    if (!row.member) return;
    by_requests_.set(place, static_cast<std::uint64_t>(row.seen.requests));
    if (tokens_indexed_) by_tokens_.set(place, static_cast<std::uint64_t>(row.seen.tokens));
  }

  Duration staleness_;
  SimTime next_scrape_{};
  std::vector<Row> rows_;
  std::vector<std::uint32_t> members_, changed_;
  LoadIndex by_requests_, by_tokens_;
  bool tokens_indexed_ = false;
  EngineProbe* probe_ = nullptr;
};

}  // namespace eph::sim
