#include "sim/routers/least_outstanding.h"

#include <algorithm>

namespace eph::sim {

ReplicaId LeastOutstandingRouter::pick(const RoutedRequest&, const FleetView& fleet) {
  const auto least = std::min_element(fleet.outstanding.begin(), fleet.outstanding.end());
  return ReplicaId{static_cast<std::uint32_t>(least - fleet.outstanding.begin())};
}

}  // namespace eph::sim
