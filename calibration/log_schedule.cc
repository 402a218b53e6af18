#include "calibration/log_schedule.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace eph::calibration {
namespace {

using Steps = std::vector<StepTimes::Step>;

// Standard deviations of a measured time about a right model: a share for what a sum of nine terms
// cannot follow, and an absolute part for when a token is seen.
constexpr double kDecodeShare = 0.02, kFirstTokenShare = 0.05, kGapShare = 0.1;
constexpr double kFirstTokenSeconds = 0.03, kEventSeconds = 0.0015;
// Events closer than this are one.
constexpr double kSameInstant = 0.0005;

double spread(double share, double seconds, double measured) {
  return std::hypot(share * measured, seconds);
}

// The step that ended at `t`.
std::optional<std::size_t> step_ending(const Steps& steps, SimTime t) {
  const auto it = std::lower_bound(steps.begin(), steps.end(), t,
                                   [](const StepTimes::Step& s, SimTime x) { return s.end < x; });
  if (it == steps.end() || it->end != t) return std::nullopt;
  return static_cast<std::size_t>(it - steps.begin());
}

// First step of the busy period that `step` belongs to.
std::vector<std::size_t> busy_starts(const Steps& steps) {
  std::vector<std::size_t> out(steps.size());
  for (std::size_t i = 1; i < steps.size(); ++i) {
    out[i] = steps[i].start == steps[i - 1].end ? out[i - 1] : i;
  }
  return out;
}

// A token seen at `time` on the engine's clock, at the end of a step.
struct Seen {
  double time = 0;
  std::size_t step = 0;
};

// Times between neighbours among all first and last tokens: a few steps each, so that they tell
// steps with chunks from steps without.
void add_gaps(std::vector<Seen> seen, std::vector<TimedEvent>& out) {
  std::sort(seen.begin(), seen.end(), [](const Seen& a, const Seen& b) {
    return a.time != b.time ? a.time < b.time : a.step < b.step;
  });
  for (std::size_t i = 1; i < seen.size(); ++i) {
    const double gap = seen[i].time - seen[i - 1].time;
    // Where the simulation has another order nothing can be said.
    if (gap < kSameInstant || seen[i].step <= seen[i - 1].step) continue;
    TimedEvent e;
    e.kind = TimedEvent::Kind::gap;
    e.from = seen[i - 1].step + 1;
    e.to = seen[i].step + 1;
    e.measured_s = gap;
    e.sd_s = spread(kGapShare, kEventSeconds, gap);
    out.push_back(e);
  }
}

}  // namespace

std::vector<TimedEvent> timed_events(const RequestLog& log, const LogTraining& training,
                                     std::span<const sim::RequestRecord> records,
                                     const StepTimes& steps) {
  std::vector<std::vector<std::size_t>> busy;
  for (const Steps& of_replica : steps.replicas()) busy.push_back(busy_starts(of_replica));
  std::vector<TimedEvent> out;
  std::vector<Seen> seen;
  for (std::size_t i = 0; i < training.requests; ++i) {
    const LoggedRequest& r = log.requests[i];
    if (r.first_token_s >= training.until_s || records[i].status != sim::RequestStatus::finished)
      continue;
    const std::size_t replica = index(records[i].replica);
    const Steps& ran = steps.replicas()[replica];
    const auto first = step_ending(ran, records[i].engine_first_token);
    const auto last = step_ending(ran, records[i].engine_finish);
    if (!first || !last) continue;
    TimedEvent ttft;
    ttft.kind = TimedEvent::Kind::first_token;
    ttft.replica = replica;
    ttft.from = busy[replica][*first];
    ttft.to = *first + 1;
    ttft.fixed_s = (ran[ttft.from].start - records[i].sent).seconds();
    ttft.measured_s = r.first_token_s - log.arrival_on_engine_clock(r);
    ttft.sd_s = spread(kFirstTokenShare, kFirstTokenSeconds, ttft.measured_s);
    out.push_back(ttft);
    seen.push_back({r.first_token_s, *first});
    if (r.last_token_s >= training.until_s || *last <= *first) continue;
    TimedEvent decode;
    decode.replica = replica;
    decode.from = *first + 1;
    decode.to = *last + 1;
    decode.measured_s = r.last_token_s - r.first_token_s;
    decode.sd_s = spread(kDecodeShare, kEventSeconds, decode.measured_s);
    out.push_back(decode);
    seen.push_back({r.last_token_s, *last});
  }
  // Which rank served a request is not in the log: neighbours on different ranks share no step.
  if (steps.replicas().size() == 1) add_gaps(std::move(seen), out);
  return out;
}

}  // namespace eph::calibration
