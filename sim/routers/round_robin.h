#pragma once
#include "sim/router.h"

namespace eph::sim {

// Replica 0, 1, 2, ... in turn, whatever their load.
class RoundRobinRouter final : public Router {
 public:
  ReplicaId pick(const RoutedRequest& request, const FleetView& fleet) override;

 private:
  std::uint32_t next_ = 0;
};

}  // namespace eph::sim
