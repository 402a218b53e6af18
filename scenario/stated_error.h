#pragma once
// How far a deployment's real latencies may lie from predicted ones, as its profile's held-out rows
// say.
#include <string>

#include "models/profile.h"

namespace eph::scenario {

struct StatedError {
  models::Familiarity familiarity = models::Familiarity::engine;
  // Of log(measured / predicted): TPOT and ITL, and TTFT.
  double tpot_sd = 0, ttft_sd = 0;
  bool extrapolated = false;  // outside the profile's data: wider than its rows say

  // Factors on a prediction between which 90 % of measurements lie.
  struct Interval {
    double low = 1, high = 1;
  };
  [[nodiscard]] Interval tpot_90() const;
  [[nodiscard]] Interval ttft_90() const;
  // "this model, precision and layout were measured"
  [[nodiscard]] std::string basis() const;
};

// `warnings`: of coverage; any of them widens to what is known of the next less familiar
// deployments, another GPU to twice what is known of other models.
[[nodiscard]] StatedError stated_error(const models::EngineProfile& profile,
                                       models::Familiarity familiarity, bool other_gpu,
                                       bool warnings);

// Probability that the real latency is at most `limit_s` when `predicted_s` is predicted with that
// log deviation.
[[nodiscard]] double chance_below(double limit_s, double predicted_s, double log_sd);

}  // namespace eph::scenario
