#pragma once
// A closed loop without think time, for tests and benchmarks of the simulator alone.
#include <algorithm>

#include "core/rng.h"
#include "workload/load.h"

namespace eph::test {

// Keeps `concurrency` requests in flight until `total` have been sent. Output lengths are uniform
// in output_min..output_max, drawn by request number.
class ClosedLoad final : public workload::Load {
 public:
  struct Options {
    std::int64_t concurrency = 1;
    std::int64_t total = 1;
    std::int32_t prompt = 1;
    std::int32_t output_min = 1, output_max = 1;
    std::int32_t shared = 0;  // leading prompt tokens that every third request has
  };
  explicit ClosedLoad(const Options& options)
      : options_(options), due_(std::min(options.concurrency, options.total)) {}

  [[nodiscard]] SimTime peek() override { return due_ > 0 ? now_ : SimTime::never(); }
  [[nodiscard]] workload::Arrival take() override {
    --due_;
    Stream stream({1, 0, Purpose::lengths, static_cast<std::uint64_t>(sent_++)});
    workload::Arrival arrival;
    arrival.at = now_;
    arrival.prompt_tokens = options_.prompt;
    arrival.output_tokens =
        options_.output_min + static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(
                                  options_.output_max - options_.output_min + 1)));
    arrival.max_output_tokens = arrival.output_tokens;
    arrival.prefix_tokens = options_.shared;
    arrival.prefix_group = static_cast<std::uint32_t>(sent_ % 3);
    return arrival;
  }
  void on_finished(RequestId, SimTime now) override {
    now_ = now;
    if (sent_ + due_ < options_.total) ++due_;
  }

 private:
  Options options_;
  std::int64_t due_ = 0;
  std::int64_t sent_ = 0;
  SimTime now_{};
};

}  // namespace eph::test
