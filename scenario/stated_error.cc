#include "scenario/stated_error.h"

#include <algorithm>
#include <cmath>

namespace eph::scenario {
namespace {

constexpr double kNormal90 = 1.645;

StatedError::Interval interval(double sd) {
  return {std::exp(-kNormal90 * sd), std::exp(kNormal90 * sd)};
}

}  // namespace

StatedError::Interval StatedError::tpot_90() const { return interval(tpot_sd); }
StatedError::Interval StatedError::ttft_90() const { return interval(ttft_sd); }

std::string StatedError::basis() const {
  std::string out;
  switch (familiarity) {
    case models::Familiarity::deployment:
      out = "this model, precision and layout were measured";
      break;
    case models::Familiarity::model:
      out = "this model was measured in other layouts";
      break;
    case models::Familiarity::engine:
      out = "only other models were measured";
      break;
  }
  return extrapolated ? out + ", and the prediction extrapolates" : out;
}

StatedError stated_error(const models::EngineProfile& profile, models::Familiarity familiarity,
                         bool other_gpu, bool warnings) {
  const std::size_t known = static_cast<std::size_t>(familiarity) + (warnings ? 1 : 0);
  const models::ErrorSpread& spread = profile.spread[std::min(known, profile.spread.size() - 1)];
  const double wider = other_gpu ? 2 : 1;
  return {familiarity, wider * spread.tpot, wider * spread.ttft, warnings || other_gpu};
}

double chance_below(double limit_s, double predicted_s, double log_sd) {
  if (!(predicted_s > 0)) return 1;
  if (!(log_sd > 0)) return predicted_s <= limit_s ? 1 : 0;
  return 0.5 * std::erfc(-std::log(limit_s / predicted_s) / log_sd / std::sqrt(2.0));
}

}  // namespace eph::scenario
