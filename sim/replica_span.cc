// Spans: a replica that only decodes, many steps at a time.
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "sim/replica.h"

namespace eph::sim {
namespace {

constexpr std::int64_t kShortest = 3;  // steps: a span of fewer is not worth its beginning

constexpr std::size_t kMostTimes = 64;  // steps whose times are asked for at once

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
    if (s.generated == 0) return 0;  // one whose KV came along: its first token is an event of its own
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
  if (span_pause_ > 0) {
    --span_pause_;
    return;
  }
  if (async_ &&
      !(only_decodes(next_) && std::memcmp(current_.entries.data(), next_.entries.data(),
                                           current_.entries.size() * sizeof(PlanEntry)) == 0))
    return;
  if (!policy_->steady(state_)) return;
  // Looking for a span walks the batch: where ends are dense, not after every step.
  const std::int64_t steps = steps_without_end();
  ahead_ = steps < kShortest ? 0 : state_.decodable(current_.entries, steps);
  if (ahead_ < kShortest) {
    ahead_ = 0;
    span_failures_ = std::min(span_failures_ + 1, 3);
    span_pause_ = (1 << span_failures_) - 1;
    return;
  }
  span_failures_ = 0;
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

// The step after a step of the span: what is asked of the model for many at once.
struct Replica::Ahead {
  models::BatchShape shape;
  std::array<models::StepModel::RoundedStep, kMostTimes> times;
  std::size_t next = 0, known = 0;
  std::int64_t wanted = 0;
  bool launches = false;  // or jitters: each one has to be asked for

  [[nodiscard]] bool exhausted() const { return next == known && !launches; }
};

// Composes and launches the next step of a span at `at`, behind one that ends at `gpu_free`.
Launched Replica::launch_ahead(Ahead& a, std::int64_t at, std::int64_t gpu_free,
                               std::int64_t& results) {
  a.shape.decode_context_tokens += a.shape.decode_seqs;
  if (a.exhausted() && slowdown_ == 1) {
    const auto most = static_cast<std::size_t>(std::clamp<std::int64_t>(a.wanted, 1, kMostTimes));
    a.next = 0;
    a.known = step_.stretch(a.shape, std::span(a.times).first(most));
    a.launches = a.known == 0;
  }
  if (a.next == a.known) {
    const LaunchTimes t(slowed(step_.times(a.shape)));
    results = t.results;
    return launch_step(t, at, gpu_free, launches_);
  }
  const models::StepModel::RoundedStep& step = a.times[a.next++];
  ++launches_.entity;
  results = step.results;
  Launched l;
  l.host_free = at + step.lead;
  l.start = std::max(gpu_free, l.host_free);
  l.end = l.start + std::max<std::int64_t>(1, step.gpu);
  return l;
}

SimTime Replica::advance(SimTime until) {
  if (ahead_ == 0 || done_ >= until) return done_;
  const std::int32_t seqs = current_.shape.decode_seqs;
  BatchPlan& newer = async_ ? next_ : current_;
  Ahead ahead;
  ahead.shape = newer.shape;
  ahead.shape.decode_context_tokens += pending_ * seqs;
  const FrontEndStation::Work work = front_end_.work(seqs);
  const std::int64_t busy_from = collector_.busy_from().ns;
  // Nanoseconds: of the older step in flight, the newer one, and the FIFO servers of tokens.
  std::int64_t done = done_.ns, start = current_.start.ns, end = current_.end.ns;
  std::int64_t results = current_.results.ns, host_free = host_free_.ns;
  std::int64_t next_start = newer.start.ns, next_end = newer.end.ns,
               next_results = newer.results.ns;
  std::int64_t station = front_end_.free_at().ns, client = front_end_.client_free_at().ns;
  std::int64_t last_emit = last_emit_.ns, steps = 0, busy = 0;
  do {
    busy += std::max<std::int64_t>(0, end - std::max(start, busy_from));
    station = std::max(station, done) + work.station.ns;
    client = std::max(client, station + work.out.ns) + work.client.ns;
    if (span_measured_ > 0) collector_.on_gap(Duration{client - last_emit}, span_measured_);
    last_emit = client;
    std::int64_t newest_results = 0;
    if (ahead.exhausted()) {
      const std::int64_t length = std::max<std::int64_t>(1, end - start);
      ahead.wanted = std::min(ahead_ - steps, (until.ns - done) / length + 1);
    }
    const Launched l = launch_ahead(ahead, done, next_end, newest_results);
    host_free = l.host_free;
    start = async_ ? next_start : l.start;
    end = async_ ? next_end : l.end;
    results = async_ ? next_results : newest_results;
    next_start = l.start;
    next_end = l.end;
    next_results = newest_results;
    done = std::max(end, host_free) + results;
    ++steps;
  } while (steps < ahead_ && done < until.ns);
  done_ = SimTime{done};
  host_free_ = SimTime{host_free};
  current_.start = SimTime{start};
  current_.end = SimTime{end};
  current_.results = Duration{results};
  newer.start = SimTime{next_start};
  newer.end = gpu_free_ = SimTime{next_end};
  newer.results = Duration{next_results};
  front_end_.set(SimTime{station}, SimTime{client});
  left_ = SimTime{station};
  last_emit_ = SimTime{last_emit};
  collector_.on_busy(busy);
  ahead_ -= steps;
  pending_ += steps;
  return done_;
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
