#pragma once
// SGLang's router: cache-aware while loads are balanced, the least loaded otherwise.
#include "sim/router.h"
#include "sim/routers/prefix_index.h"

namespace eph::sim {

// sgl-router/src/policies/cache_aware.rs (2026). Loads are imbalanced if max - min > abs threshold
// and max > rel threshold * min. Else the member with the longest matching prefix, if more than
// the threshold of the prompt matches; else the member with the smallest tree. In either case the
// tree of the one that gets the prompt takes it up. Of equals the lowest place.
//
// The tree is of tokens, not of characters.
class CacheAwareRouter final : public Router {
 public:
  explicit CacheAwareRouter(const CacheAwareOptions& options);
  std::uint32_t pick(const RoutedRequest& request, const LoadBoard& board, SimTime now) override;
  void on_sent(const RoutedRequest& request, std::uint32_t place, SimTime now) override;
  void on_removed(std::uint32_t place) override { tree_.clear(place); }
  [[nodiscard]] bool wants_content() const override { return true; }
  [[nodiscard]] const PrefixIndex& tree() const { return tree_; }

 private:
  [[nodiscard]] bool imbalanced(const LoadBoard& board) const;
  void evict(SimTime now);

  CacheAwareOptions options_;
  std::int64_t most_tokens_;
  PrefixIndex tree_;
  SimTime next_eviction_{};
};

}  // namespace eph::sim
