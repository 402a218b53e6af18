#include "sim/router.h"

#include <array>
#include <utility>

#include "sim/routers/session_affinity.h"
#include "sim/routers/simple.h"

namespace eph::sim {
namespace {

constexpr std::array<std::pair<RouterKind, std::string_view>, 6> kNames{{
    {RouterKind::least_outstanding, "least-outstanding"},
    {RouterKind::least_tokens, "least-tokens"},
    {RouterKind::round_robin, "round-robin"},
    {RouterKind::random, "random"},
    {RouterKind::power_of_two, "power-of-two"},
    {RouterKind::session_affinity, "session-affinity"},
}};

}  // namespace

std::string_view name(RouterKind kind) {
  for (const auto& [known, text] : kNames)
    if (known == kind) return text;
  EPH_ASSERT(false, "router {}", static_cast<int>(kind));
  return {};
}

std::optional<RouterKind> parse_router(std::string_view text) {
  for (const auto& [kind, known] : kNames)
    if (known == text) return kind;
  return std::nullopt;
}

std::vector<std::string_view> router_names() {
  std::vector<std::string_view> out;
  for (const auto& entry : kNames) out.push_back(entry.second);
  return out;
}

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
