// Spans: a replica that only decodes, many steps at a time.
#include <algorithm>
#include <cstring>
#include <limits>

#include "sim/replica.h"

namespace eph::sim {
namespace {

constexpr std::int64_t kShortest = 2;  // steps: a span of fewer is not worth its beginning

// Everything of the engine and its API server that moves on with each step.
struct Clocks {
  std::int64_t done, host_free;
  std::int64_t start, end, results;                 // of the older step in flight
  std::int64_t next_start, next_end, next_results;  // async: of the newer one
  std::int64_t station, client;                     // FIFO servers of tokens

  // All of it is later by `by` than in `before`, durations are the same.
  [[nodiscard]] bool shifted(const Clocks& b, std::int64_t by) const {
    return ((done - b.done - by) | (host_free - b.host_free - by) | (start - b.start - by) |
            (end - b.end - by) | (results - b.results) | (next_start - b.next_start - by) |
            (next_end - b.next_end - by) | (next_results - b.next_results) |
            (station - b.station - by) | (client - b.client - by)) == 0;
  }
  void shift(std::int64_t by) {
    for (std::int64_t* t : {&done, &host_free, &start, &end, &next_start, &next_end, &station, &client})
      *t += by;
  }
};

}  // namespace

bool Replica::only_decodes(const BatchPlan& plan) const {
  return plan.shape.prefill_seqs == 0 && plan.wasted == 0 && plan.preempted.empty() &&
         static_cast<std::int64_t>(plan.entries.size()) == state_.active();
}

// How many steps can end before one that ends a sequence or cannot hold all of them.
std::int64_t Replica::steps_without_end() {
  std::int64_t steps = std::numeric_limits<std::int32_t>::max();
  span_measured_ = 0;
  const bool foresees = policy_->foresees_ends();
  for (const PlanEntry entry : current_.entries) {
    const Sequence& s = state_[entry.seq];
    const Outcome& outcome = outcomes_[index(entry.seq)];
    steps = std::min<std::int64_t>(steps, outcome.output - s.generated - 1);
    if (foresees) steps = std::min<std::int64_t>(steps, s.max_output - s.sampled);
    if (!outcome.measured) continue;
    if (outcome.last_token != last_emit_) return 0;
    ++span_measured_;
  }
  return steps;
}

// After a step was composed and results are awaited.
void Replica::start_span() {
  if (in_flight_ < (async_ ? 2 : 1) || !to_abort_.empty()) return;
  if (!only_decodes(current_)) return;
  if (async_ &&
      !(only_decodes(next_) && std::memcmp(current_.entries.data(), next_.entries.data(),
                                           current_.entries.size() * sizeof(PlanEntry)) == 0))
    return;
  if (!policy_->steady(state_)) return;
  const std::int64_t steps = steps_without_end();
  if (steps < kShortest) return;
  ahead_ = state_.decodable(current_.entries, steps);
  if (ahead_ < kShortest) {
    ahead_ = 0;
    return;
  }
  in_span_ = true;
  announced_ = span_floor();
}

// Not after the results that end the span: the GPU takes at least that long for the steps in
// between.
SimTime Replica::span_floor() const {
  if (ahead_ == 0) return done_;
  models::BatchShape shape = current_.shape;
  shape.decode_context_tokens += pending_ * shape.decode_seqs;
  const double floor = step_.stretch_floor(shape, ahead_ + 2) * slowdown_;
  // Less what rounding may take away.
  const auto ns = static_cast<std::int64_t>(floor * (1 - 1e-12) * 1e9 - 0.5);
  return std::max(done_, current_.end + Duration{std::max<std::int64_t>(ns, 1)} * ahead_);
}

SimTime Replica::advance(SimTime now) {
  if (ahead_ == 0 || done_ >= now) return done_;
  const std::int32_t seqs = current_.shape.decode_seqs;
  const FrontEndStation::Work work = front_end_.work(seqs);
  const BatchPlan& newer = async_ ? next_ : current_;
  Clocks c{done_.ns,
           host_free_.ns,
           current_.start.ns,
           current_.end.ns,
           current_.results.ns,
           newer.start.ns,
           newer.end.ns,
           newer.results.ns,
           front_end_.free_at().ns,
           front_end_.client_free_at().ns};
  models::BatchShape shape = newer.shape;
  shape.decode_context_tokens += pending_ * seqs;
  std::int64_t last_emit = last_emit_.ns, steps = 0;
  std::int64_t stretch = 0;  // steps whose times are those in `t`
  LaunchTimes t;
  do {
    const Clocks before = c;
    const std::int64_t at = c.done;
    collector_.on_busy(SimTime{c.start}, SimTime{c.end}, {}, 1);
    c.station = std::max(c.station, at) + work.station.ns;
    c.client = std::max(c.client, c.station + work.out.ns) + work.client.ns;
    if (span_measured_ > 0) collector_.on_gap(Duration{c.client - last_emit}, span_measured_);
    last_emit = c.client;
    shape.decode_context_tokens += seqs;
    if (stretch == 0) stretch = read_times(shape, ahead_ - steps, t);
    --stretch;
    ++steps;
    const Launched l = launch_step(t, at, c.next_end, launches_);
    c.host_free = l.host_free;
    c.start = async_ ? c.next_start : l.start;
    c.end = async_ ? c.next_end : l.end;
    c.results = async_ ? c.next_results : t.results;
    c.next_start = l.start;
    c.next_end = l.end;
    c.next_results = t.results;
    c.done = std::max(c.end, c.host_free) + c.results;
    if (!l.rounded) stretch = 0;
    if (stretch < 2) continue;
    const std::int64_t period = c.done - at;
    if (!c.shifted(before, period)) continue;
    // What comes next is the same again, so much later.
    const std::int64_t until = std::min(stretch, ahead_ - steps);
    const std::int64_t again = std::min(until, (now.ns - 1 - c.done) / period + 1);
    if (c.done >= now.ns || again <= 0) continue;
    collector_.on_busy(SimTime{c.start}, SimTime{c.end}, Duration{period}, again);
    if (span_measured_ > 0)
      collector_.on_gap(Duration{period}, static_cast<std::uint64_t>(again) * span_measured_);
    c.shift(again * period);
    last_emit = c.client;
    shape.decode_context_tokens += again * seqs;
    launches_.entity += static_cast<std::uint64_t>(again);
    stretch -= again;
    steps += again;
  } while (steps < ahead_ && c.done < now.ns);
  done_ = SimTime{c.done};
  host_free_ = SimTime{c.host_free};
  current_.start = SimTime{c.start};
  current_.end = gpu_free_ = SimTime{c.end};
  current_.results = Duration{c.results};
  if (async_) {
    next_.start = SimTime{c.next_start};
    next_.end = gpu_free_ = SimTime{c.next_end};
    next_.results = Duration{c.next_results};
  }
  front_end_.set(SimTime{c.station}, SimTime{c.client});
  left_ = SimTime{c.station};
  last_emit_ = SimTime{last_emit};
  ahead_ -= steps;
  pending_ += steps;
  return done_;
}

std::int64_t Replica::read_times(const models::BatchShape& shape, std::int64_t limit,
                                 LaunchTimes& t) {
  const models::StepModel::Stretch stretch = step_.stretch(shape, limit);
  t = LaunchTimes(slowed(stretch.times));
  return slowdown_ == 1 ? stretch.steps : 1;
}

// What the steps that have ended did to sequences, blocks and counters.
void Replica::settle(SimTime now) {
  if (pending_ == 0) return;
  for (const PlanEntry entry : current_.entries)
    outcomes_[index(entry.seq)].last_token = last_emit_;
  policy_->advance(state_, current_.entries, pending_);
  const std::int64_t tokens = pending_ * current_.shape.decode_seqs;
  current_.shape.decode_context_tokens += tokens;
  if (async_) next_.shape.decode_context_tokens += tokens;
  collector_.on_span(static_cast<std::uint64_t>(pending_), static_cast<std::uint64_t>(tokens));
  collector_.on_kv_peak(state_.kv().used(), state_.kv().usable());
  pending_ = 0;
  report_levels(now);
}

SimTime Replica::results_due(SimTime now) {
  EPH_ASSERT(now == announced_, "replica {} is looked at at {} ns, not {} ns", index(id_), now.ns,
             announced_.ns);
  if (!in_span_) return now;
  if (advance(now) == now) {
    settle(now);
    in_span_ = false;
    ahead_ = 0;
  } else {
    EPH_ASSERT(done_ > now, "a span ended at {} ns, before {} ns", done_.ns, now.ns);
    announced_ = span_floor();
  }
  return in_span_ ? announced_ : now;
}

SimTime Replica::interrupt(SimTime now) {
  (void)advance(now);
  EPH_ASSERT(done_ >= now, "a span ended at {} ns, before {} ns", done_.ns, now.ns);
  settle(now);
  in_span_ = false;
  ahead_ = 0;
  announced_ = done_;
  return done_;
}

void Replica::catch_up(SimTime now) {
  if (!in_span_) return;
  (void)advance(now);
  settle(now);
}

}  // namespace eph::sim
