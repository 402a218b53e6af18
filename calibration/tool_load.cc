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
  const std::int64_t drawn =
      low >= nominal ? nominal : draw_integer(stream, std::max<std::int64_t>(1, low), nominal);
  return static_cast<std::int32_t>(drawn);
}

std::vector<double> draw_arrivals(const ToolLoadSpec& spec, std::uint64_t seed) {
  EPH_ASSERT(spec.requests || std::isfinite(spec.stop_s), "random gaps without an end");
  Stream stream({seed, 0, Purpose::arrivals, 0});
  const double scale = 1 / (spec.rate * spec.burstiness);
  std::vector<double> due;
  double at = 0;
  while (spec.requests ? std::ssize(due) < *spec.requests : at < spec.stop_s) {
    at += draw_gamma(stream, spec.burstiness, scale);
    due.push_back(at);
  }
  if (!spec.requests || due.empty() || at <= 0) return due;
  const double stretch = static_cast<double>(*spec.requests) / spec.rate / at;
  for (double& t : due) t *= stretch;
  return due;
}

}  // namespace

ToolLoad::ToolLoad(const ToolLoadSpec& spec, std::uint64_t seed) : spec_(spec), seed_(seed) {
  EPH_ASSERT(spec.cap >= 1 && spec.isl >= 1 && spec.osl >= 1, "cap {}, isl {}, osl {}", spec.cap,
             spec.isl, spec.osl);
  for (std::int64_t slot = 0; slot < spec_.cap; ++slot) free_slots_.push(0);
  EPH_ASSERT(!spec_.recorded || !spec_.recorded->empty(), "no recorded requests");
  if (spec_.rate > 0 && spec_.burstiness > 0) due_s_ = draw_arrivals(spec_, seed);
  if (spec_.recorded_arrivals) spec_.requests = std::ssize(*spec_.recorded);
}

SimTime ToolLoad::due(std::int64_t index) const {
  const auto at = static_cast<std::size_t>(index);
  if (spec_.recorded_arrivals) return SimTime::from_seconds((*spec_.recorded)[at].at_s);
  if (!due_s_.empty()) {
    return at < due_s_.size() ? SimTime::from_seconds(due_s_[at]) : SimTime::never();
  }
  if (spec_.rate > 0) return SimTime::from_seconds(static_cast<double>(index) / spec_.rate);
  const double share = std::min(1.0, static_cast<double>(index) / static_cast<double>(spec_.cap));
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
  if (spec_.recorded) {
    const auto& all = *spec_.recorded;
    const RecordedRequest& request = all[static_cast<std::size_t>(next_) % all.size()];
    arrival.prompt_tokens = request.prompt_tokens;
    arrival.output_tokens = request.output_tokens;
  } else {
    Stream stream({seed_, 0, Purpose::lengths, static_cast<std::uint64_t>(next_)});
    arrival.prompt_tokens = draw_length(stream, spec_.isl, spec_.shortest_share);
    arrival.output_tokens = draw_length(stream, spec_.osl, spec_.shortest_share);
  }
  arrival.max_output_tokens = arrival.output_tokens;
  ++next_;
  return arrival;
}

void ToolLoad::on_finished(RequestId, SimTime now) {
  free_slots_.push((now + Duration::from_seconds(spec_.turn_s)).ns);
}

}  // namespace eph::calibration
