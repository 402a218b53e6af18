#pragma once
// The endpoint picker of llm-d and the Gateway API inference extension, in its default profile.
#include "sim/router.h"
#include "sim/routers/prefix_index.h"

namespace eph::sim {

// llm-d-inference-scheduler (2026). A weighted sum of three scores from 0 to 1; the highest wins,
// one of equals at random:
//   queue   (longest - own) / (longest - shortest) of the engines' waiting queues; 1 if all are
//   equal kv      1 - share of KV blocks in use prefix  leading blocks of the prompt that it was
//   sent before / its blocks
// Queues and KV are those of the last scrape. Takes time proportional to the members.
class LlmdRouter final : public Router {
 public:
  LlmdRouter(const LlmdOptions& options, const StreamKey& draws);
  std::uint32_t pick(const RoutedRequest& request, const LoadBoard& board, SimTime now) override;
  void on_sent(const RoutedRequest& request, std::uint32_t place, SimTime now) override;
  void on_removed(std::uint32_t place) override { cached_.clear(place); }
  [[nodiscard]] bool wants_content() const override { return true; }
  [[nodiscard]] bool wants_levels() const override { return true; }
  [[nodiscard]] const PrefixIndex& cached() const { return cached_; }

 private:
  [[nodiscard]] std::int64_t blocks_of(const RoutedRequest& request) const;
  void score_prefixes(const RoutedRequest& request, const LoadBoard& board);

  LlmdOptions options_;
  StreamKey draws_;
  PrefixIndex cached_;
  std::vector<double> prefix_;  // by place
  std::vector<std::uint32_t> best_;
};

}  // namespace eph::sim
