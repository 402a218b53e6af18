#include "calibration/tool_load.h"

#include <algorithm>
#include <cmath>

#include "core/assert.h"
#include "core/distributions.h"
#include "core/rng.h"

namespace eph::calibration {
namespace {

std::int32_t draw_length(Stream& stream, std::int64_t nominal, double shortest_share) {
  const auto low = static_cast<std::int64_t>(static_cast<double>(nominal) * shortest_share);
  const std::int64_t drawn = low >= nominal ? nominal : draw_integer(stream, std::max<std::int64_t>(1, low), nominal);
  return static_cast<std::int32_t>(drawn);
}

}  // namespace

ToolLoad::ToolLoad(const ToolLoadSpec& spec, std::uint64_t seed) : spec_(spec), seed_(seed) {
  EPH_ASSERT(spec.cap >= 1 && spec.isl >= 1 && spec.osl >= 1, "cap {}, isl {}, osl {}", spec.cap,
             spec.isl, spec.osl);
  for (std::int64_t slot = 0; slot < spec_.cap; ++slot) free_slots_.push(0);
}

SimTime ToolLoad::due(std::int64_t index) const {
  if (spec_.rate > 0) return SimTime::from_seconds(static_cast<double>(index) / spec_.rate);
  const double share =
      std::min(1.0, static_cast<double>(index) / static_cast<double>(spec_.cap));
  return SimTime::from_seconds(spec_.ramp_s * share);
}

SimTime ToolLoad::peek() {
  if (free_slots_.empty() || (spec_.requests && next_ >= *spec_.requests)) return SimTime::never();
  const SimTime at{std::max(free_slots_.top(), due(next_).ns)};
  return at.seconds() < spec_.stop_s ? at : SimTime::never();
}

workload::Arrival ToolLoad::take() {
  workload::Arrival arrival;
  arrival.at = peek();
  EPH_ASSERT(arrival.at != SimTime::never(), "no request is due");
  free_slots_.pop();
  Stream stream({seed_, 0, Purpose::lengths, static_cast<std::uint64_t>(next_)});
  arrival.prompt_tokens = draw_length(stream, spec_.isl, spec_.shortest_share);
  arrival.output_tokens = draw_length(stream, spec_.osl, spec_.shortest_share);
  arrival.max_output_tokens = arrival.output_tokens;
  ++next_;
  return arrival;
}

void ToolLoad::on_finished(RequestId, SimTime now) {
  free_slots_.push((now + Duration::from_seconds(spec_.turn_s)).ns);
}

}  // namespace eph::calibration
