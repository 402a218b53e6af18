#pragma once
#include "sim/router.h"

namespace eph::sim {

// The replica with the fewest requests that have not ended at the client; ties: the lowest index.
class LeastOutstandingRouter final : public Router {
 public:
  ReplicaId pick(const RoutedRequest& request, const FleetView& fleet) override;
};

}  // namespace eph::sim
