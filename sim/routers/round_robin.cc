#include "sim/routers/round_robin.h"

namespace eph::sim {

ReplicaId RoundRobinRouter::pick(const RoutedRequest&, const FleetView& fleet) {
  if (next_ >= fleet.outstanding.size()) next_ = 0;
  return ReplicaId{next_++};
}

}  // namespace eph::sim
