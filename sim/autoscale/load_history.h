#pragma once
// A value over time, constant between changes, and its mean over a window.
#include <algorithm>
#include <deque>

#include "core/time.h"

namespace eph::sim {

class LoadHistory {
 public:
  // `at` does not lie before the last change.
  void set(SimTime at, double value) {
    if (changes_.empty()) {
      changes_.push_back({at, value, 0});
      return;
    }
    Change& last = changes_.back();
    if (last.value == value) return;
    const double area = last.area + last.value * (at - last.at).seconds();
    if (last.at == at)
      last.value = value;
    else
      changes_.push_back({at, value, area});
  }
  [[nodiscard]] double now() const { return changes_.empty() ? 0 : changes_.back().value; }

  // Time-weighted, over what is known of (from, to]; the value at `to` if that is nothing.
  [[nodiscard]] double mean(SimTime from, SimTime to) const {
    if (changes_.empty()) return 0;
    from = std::max(from, changes_.front().at);
    if (from >= to) return value_at(to).value;
    return (area_at(to) - area_at(from)) / (to - from).seconds();
  }
  // Drops what no window from `before` on needs.
  void forget(SimTime before) {
    while (changes_.size() > 1 && changes_[1].at <= before) changes_.pop_front();
  }

 private:
  struct Change {
    SimTime at;
    double value = 0;
    double area = 0;  // integral up to `at`
  };
  [[nodiscard]] const Change& value_at(SimTime t) const {
    const auto after = std::upper_bound(changes_.begin(), changes_.end(), t,
                                        [](SimTime x, const Change& c) { return x < c.at; });
    return after == changes_.begin() ? changes_.front() : *std::prev(after);
  }
  [[nodiscard]] double area_at(SimTime t) const {
    const Change& c = value_at(t);
    return c.area + c.value * (t - c.at).seconds();
  }

  std::deque<Change> changes_;
};

}  // namespace eph::sim
