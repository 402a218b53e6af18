#include "sim/fleet/start_time.h"

#include <cmath>

#include "core/distributions.h"

namespace eph::sim {

Duration draw(Stream& stream, const Spread& spread) {
  if (spread.median_s <= 0) return Duration::zero();
  if (spread.p95_s <= spread.median_s) return Duration::from_seconds(spread.median_s);
  const double sigma = std::log(spread.p95_s / spread.median_s) / normal_quantile(0.95);
  return Duration::from_seconds(draw_lognormal(stream, std::log(spread.median_s), sigma));
}

Duration draw_node(Stream& stream, const StartTimes& times) {
  Duration total = draw(stream, times.provision);
  total += draw(stream, times.image);
  total += draw(stream, times.weights);
  return total;
}

Duration draw_start(Stream& stream, const StartTimes& times, bool warm) {
  Duration total = warm ? Duration::zero() : draw_node(stream, times);
  total += draw(stream, times.init);
  return total;
}

}  // namespace eph::sim
