#pragma once
// Chooses the replica of a pool that serves a request.
#include <memory>

#include "core/ids.h"
#include "core/result.h"
#include "core/rng.h"
#include "sim/config.h"
#include "sim/content.h"
#include "sim/engine_levels.h"
#include "sim/fleet/load_board.h"

namespace eph::sim {

// What a gateway knows of a request: no output length (INV-6).
struct RoutedRequest {
  RequestId id{};
  std::int32_t prompt_tokens = 0;
  std::uint64_t session = 0;         // the request's own number outside of any
  const Content* content = nullptr;  // null: nobody asked what the tokens are
};

// Called once per request, at the instant at which it leaves the gateway.
// Contract: pick returns a member of `board`, which has one at least, and whose look(now) was
// called. What the router remembers of a place ends with on_removed.
class Router {
 public:
  virtual ~Router() = default;
  virtual std::uint32_t pick(const RoutedRequest& request, const LoadBoard& board, SimTime now) = 0;
  // The request went to `place`: the picked one, or another because that was full.
  virtual void on_sent(const RoutedRequest&, std::uint32_t /*place*/, SimTime) {}
  // The engine has its first output token. At most once between on_sent and on_ended.
  virtual void on_first_token(const RoutedRequest&, std::uint32_t /*place*/, SimTime) {}
  // Comes once for each on_sent, even if the place is no member any more.
  virtual void on_ended(const RoutedRequest&, std::uint32_t /*place*/, SimTime) {}
  virtual void on_members_changed(const LoadBoard&) {}
  virtual void on_removed(std::uint32_t /*place*/) {}
  [[nodiscard]] virtual bool wants_content() const { return false; }
  [[nodiscard]] virtual bool wants_tokens() const { return false; }  // LoadBoard::least_tokens
  [[nodiscard]] virtual bool wants_levels() const { return false; }  // LoadBoard::levels
  [[nodiscard]] virtual bool wants_first_tokens() const { return false; }
};

// Draws come from `draws`, whose entity is the router's to set. Requires check(kind, options).
[[nodiscard]] std::unique_ptr<Router> make_router(RouterKind kind, const RoutingOptions& options,
                                                  const StreamKey& draws);
[[nodiscard]] Result<void> check(RouterKind kind, const RoutingOptions& options);
// Age of what the router knows where nobody says another.
[[nodiscard]] Duration default_staleness(RouterKind kind);

}  // namespace eph::sim
