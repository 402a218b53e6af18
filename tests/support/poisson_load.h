#pragma once
// Poisson arrivals with given lengths, for comparison with queueing theory.
#include <cmath>
#include <functional>

#include "core/distributions.h"
#include "core/rng.h"
#include "workload/load.h"

namespace eph::test {

class PoissonLoad final : public workload::Load {
 public:
  using Length = std::function<std::int32_t(Stream&)>;
  PoissonLoad(double rate, std::int64_t count, std::int32_t prompt, Length output,
              std::uint64_t seed)
      : mean_gap_(1 / rate),
        left_(count),
        prompt_(prompt),
        output_(std::move(output)),
        gaps_({seed, 0, Purpose::arrivals, 0}),
        lengths_({seed, 0, Purpose::lengths, 0}) {
    advance();
  }
  [[nodiscard]] SimTime peek() override { return left_ > 0 ? at_ : SimTime::never(); }
  [[nodiscard]] workload::Arrival take() override {
    workload::Arrival arrival;
    arrival.at = at_;
    arrival.prompt_tokens = prompt_;
    arrival.output_tokens = arrival.max_output_tokens = output_(lengths_);
    --left_;
    advance();
    return arrival;
  }
  void on_finished(RequestId, SimTime) override {}

 private:
  void advance() { at_ = at_ + Duration::from_seconds(draw_exponential(gaps_, mean_gap_)); }

  double mean_gap_;
  std::int64_t left_;
  std::int32_t prompt_;
  Length output_;
  Stream gaps_, lengths_;
  SimTime at_{};
};

// Tokens until the first success of probability 1 / mean: geometric, at least one.
inline std::int32_t geometric(Stream& stream, double mean) {
  const double tokens = std::ceil(std::log(stream.unit_open()) / std::log(1 - 1 / mean));
  return static_cast<std::int32_t>(std::fmax(1.0, tokens));
}

}  // namespace eph::test
