#include "sim/fleet/load_board.h"

#include <algorithm>

namespace eph::sim {

void LoadBoard::add(std::uint32_t place) {
  if (place >= rows_.size()) rows_.resize(place + 1);
  EPH_ASSERT(!rows_[place].member, "place {} becomes a member twice", place);
  members_.insert(std::lower_bound(members_.begin(), members_.end(), place), place);
  rows_[place].member = true;
  rows_[place].levels = {};
  show(place);
}

void LoadBoard::remove(std::uint32_t place) {
  if (!is_member(place)) return;
  members_.erase(std::lower_bound(members_.begin(), members_.end(), place));
  rows_[place].member = false;
  by_requests_.remove(place);
  by_tokens_.remove(place);
}

void LoadBoard::probe_levels(SimTime at) {
  for (const std::uint32_t place : members_)
    if (const auto levels = probe_->levels(place, at)) rows_[place].levels = *levels;
}

void LoadBoard::scrape(SimTime now) {
  for (const std::uint32_t place : changed_) {
    rows_[place].changed = false;
    show(place);
  }
  changed_.clear();
  const SimTime due{now.ns - now.ns % staleness_.ns};
  if (probe_ != nullptr) probe_levels(due);
  next_scrape_ = due + staleness_;
}

}  // namespace eph::sim
