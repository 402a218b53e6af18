#pragma once
// Routers that look at counts alone: in turn, at random, the least loaded, the better of two.
#include "sim/router.h"

namespace eph::sim {

class RoundRobinRouter final : public Router {
 public:
  std::uint32_t pick(const RoutedRequest&, const LoadBoard& board, SimTime) override;

 private:
  std::size_t next_ = 0;
};

class RandomRouter final : public Router {
 public:
  explicit RandomRouter(const StreamKey& draws) : draws_(draws) {}
  std::uint32_t pick(const RoutedRequest& request, const LoadBoard& board, SimTime) override;

 private:
  StreamKey draws_;
};

// Fewest requests that have not ended at the client; the lowest place among equals.
class LeastOutstandingRouter final : public Router {
 public:
  std::uint32_t pick(const RoutedRequest&, const LoadBoard& board, SimTime) override {
    return board.least_requests();
  }
};

// Fewest prompt tokens of such requests.
class LeastTokensRouter final : public Router {
 public:
  std::uint32_t pick(const RoutedRequest&, const LoadBoard& board, SimTime) override {
    return board.least_tokens();
  }
  [[nodiscard]] bool wants_tokens() const override { return true; }
};

// Of two different members drawn at random the one with fewer requests; the first drawn of equals.
class PowerOfTwoRouter final : public Router {
 public:
  explicit PowerOfTwoRouter(const StreamKey& draws) : draws_(draws) {}
  std::uint32_t pick(const RoutedRequest& request, const LoadBoard& board, SimTime) override;

 private:
  StreamKey draws_;
};

}  // namespace eph::sim
