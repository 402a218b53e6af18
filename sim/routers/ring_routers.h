#pragma once
// Routers that keep together what belongs together, by a ring: sessions, or equal beginnings.
#include <algorithm>

#include "sim/router.h"
#include "sim/routers/hash_ring.h"

namespace eph::sim {

class SessionAffinityRouter final : public Router {
 public:
  explicit SessionAffinityRouter(double bound) : ring_(bound) {}
  std::uint32_t pick(const RoutedRequest& request, const LoadBoard& board, SimTime) override {
    return ring_.pick(ring_hash(~request.session), board);
  }
  void on_members_changed(const LoadBoard& board) override { ring_.set_members(board); }

 private:
  HashRing ring_;
};

// By a prompt's first `prefix_tokens` tokens, or by all of a shorter one.
class PrefixHashRouter final : public Router {
 public:
  PrefixHashRouter(const PrefixHashOptions& options, double bound)
      : prefix_tokens_(options.prefix_tokens), ring_(bound) {}
  std::uint32_t pick(const RoutedRequest& request, const LoadBoard& board, SimTime) override {
    EPH_DASSERT(request.content != nullptr, "a prompt of unknown content");
    const std::int64_t last = std::min(prefix_tokens_, request.prompt_tokens) - 1;
    const RunKey key = request.content->run_at(last, 1).key;
    const auto tag = static_cast<std::uint64_t>(last) << 2 | static_cast<std::uint64_t>(key.kind);
    return ring_.pick(ring_hash(key.id ^ ring_hash(tag)), board);
  }
  void on_members_changed(const LoadBoard& board) override { ring_.set_members(board); }
  [[nodiscard]] bool wants_content() const override { return true; }

 private:
  std::int32_t prefix_tokens_;
  HashRing ring_;
};

}  // namespace eph::sim
