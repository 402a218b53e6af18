#include "sim/router.h"

#include "sim/routers/session_affinity.h"
#include "sim/routers/simple.h"

namespace eph::sim {

std::unique_ptr<Router> make_router(RouterKind kind, const RoutingOptions& options,
                                    EngineProbe& /*probe*/, const StreamKey& draws) {
  switch (kind) {
    case RouterKind::round_robin:
      return std::make_unique<RoundRobinRouter>();
    case RouterKind::least_outstanding:
      return std::make_unique<LeastOutstandingRouter>();
    case RouterKind::least_tokens:
      return std::make_unique<LeastTokensRouter>();
    case RouterKind::random:
      return std::make_unique<RandomRouter>(draws);
    case RouterKind::power_of_two:
      return std::make_unique<PowerOfTwoRouter>(draws);
    case RouterKind::session_affinity:
      return std::make_unique<SessionAffinityRouter>(options.load_bound);
  }
  EPH_ASSERT(false, "router {}", static_cast<int>(kind));
  return nullptr;
}

}  // namespace eph::sim
