#include "workload/decorator.h"

namespace eph::workload {

std::uint32_t HoldingPen::put(const Arrival& arrival, std::span<const std::uint64_t> hashes) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(places_.size()));
    places_.emplace_back();
  }
  const std::uint32_t place = free_.back();
  free_.pop_back();
  places_[place].arrival = arrival;
  places_[place].arrival.hash_offset = 0;
  places_[place].arrival.hash_count = 0;
  places_[place].hashes.assign(hashes.begin(), hashes.end());
  return place;
}

Arrival HoldingPen::release(std::uint32_t place, std::vector<std::uint64_t>& out) {
  const Place& held = places_[place];
  Arrival arrival = held.arrival;
  arrival.hash_offset = out.size();
  arrival.hash_count = static_cast<std::uint32_t>(held.hashes.size());
  out.insert(out.end(), held.hashes.begin(), held.hashes.end());
  free_.push_back(place);
  return arrival;
}

}  // namespace eph::workload
