#pragma once
// NVIDIA Dynamo's KV router, without events from the engines.
#include "sim/router.h"
#include "sim/routers/prefix_index.h"

namespace eph::sim {

// ai-dynamo/dynamo, router concepts (2026), temperature 0. In blocks, the lowest cost wins, the
// lowest place of equals:
//   prefill_load_scale * max(active prefill + prompt - overlap_weight * cached, 0)
//   + active decode + prompt
// Cached: leading blocks sent there less than `ttl` ago. Active prefill: blocks without those
// cached, until a request's first output token. Active decode: prompt blocks until it ends at the
// client, shared ones as often as they are used. Counts are as of the last multiple of `staleness`.
class DynamoKvRouter final : public Router {
 public:
  DynamoKvRouter(const DynamoKvOptions& options, Duration staleness);
  std::uint32_t pick(const RoutedRequest& request, const LoadBoard& board, SimTime now) override;
  void on_sent(const RoutedRequest& request, std::uint32_t place, SimTime now) override;
  void on_first_token(const RoutedRequest& request, std::uint32_t place, SimTime now) override;
  void on_ended(const RoutedRequest& request, std::uint32_t place, SimTime now) override;
  void on_removed(std::uint32_t place) override;
  [[nodiscard]] bool wants_content() const override { return true; }
  [[nodiscard]] bool wants_first_tokens() const override { return true; }

  struct Load {
    std::int64_t prefill = 0, decode = 0;  // blocks
  };
  [[nodiscard]] Load load(std::uint32_t place) const {  // exact
    return place < rows_.size() ? rows_[place].now : Load{};
  }
  [[nodiscard]] const PrefixIndex& cached() const { return cached_; }

 private:
  struct Row {
    Load now, seen;
    std::uint32_t lives = 0;  // removals so far
    bool changed = false;
  };
  struct Charge {  // of a request
    Load load;
    std::uint32_t place = 0, life = 0;
  };
  [[nodiscard]] std::int64_t blocks_of(const RoutedRequest& request) const {
    return (request.prompt_tokens + options_.block_tokens - 1) / options_.block_tokens;
  }
  [[nodiscard]] std::int64_t full_blocks_of(const RoutedRequest& request) const {
    return request.prompt_tokens / options_.block_tokens;
  }
  [[nodiscard]] SimTime fresh_since(SimTime now) const {  // less than ttl ago
    return SimTime{now.ns - options_.ttl.ns + 1};
  }
  Row& row(std::uint32_t place);
  void look(SimTime now);
  void change(SimTime now, std::uint32_t place, std::int64_t prefill, std::int64_t decode);
  void bound();

  DynamoKvOptions options_;
  Duration staleness_;
  SimTime next_look_{};
  PrefixIndex cached_;
  std::vector<std::int64_t> credit_;  // by place
  std::vector<Row> rows_;             // by place
  std::vector<std::uint32_t> changed_;
  RunTable by_request_;  // number of a request to its charge
  std::vector<Charge> charges_;
  std::vector<std::uint32_t> unused_;
};

}  // namespace eph::sim
