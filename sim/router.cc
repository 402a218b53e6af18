#include "sim/router.h"

#include "sim/routers/least_outstanding.h"
#include "sim/routers/round_robin.h"

namespace eph::sim {

std::unique_ptr<Router> make_router(RouterKind kind) {
  if (kind == RouterKind::round_robin) return std::make_unique<RoundRobinRouter>();
  return std::make_unique<LeastOutstandingRouter>();
}

}  // namespace eph::sim
