#pragma once
// Chooses the replica that serves a request.
#include <memory>
#include <span>

#include "core/ids.h"
#include "sim/config.h"

namespace eph::sim {

// What a gateway knows of a request and of its replicas: no output length (INV-6).
struct RoutedRequest {
  RequestId id{};
  std::int32_t prompt_tokens = 0;
  std::uint32_t prefix_group = 0;
};
struct FleetView {
  std::span<const std::int64_t> outstanding;  // by replica: sent there and not ended at the client
};

// Called once per request, at the instant at which it is sent.
// Contract: returns a replica of `fleet`, which is never empty.
class Router {
 public:
  virtual ~Router() = default;
  virtual ReplicaId pick(const RoutedRequest& request, const FleetView& fleet) = 0;
};

[[nodiscard]] std::unique_ptr<Router> make_router(RouterKind kind);

}  // namespace eph::sim
