// Spans: a replica that only decodes, many steps at a time.
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "sim/replica.h"

namespace eph::sim {
namespace {

constexpr std::int64_t kShortest = 3;  // steps: a span of fewer is not worth its beginning

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
    if (s.generated == 0)
      return 0;  // one whose KV came along: its first token is an event of its own
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
  models::BatchShape following = async_ ? next_.shape : current_.shape;
  following.decode_context_tokens += following.decode_seqs;
  stretch_ = stretch_from(following);
  announced_ = span_floor();
}

// Not after the results that end the span: the GPU takes at least that long for the steps in
// between.
SimTime Replica::span_floor() const {
  const std::int64_t steps = ahead_ - (async_ ? 1 : 0);  // after those already launched
  if (steps <= 0) return done_;
  const bool formula = slowdown_ == 1 && stretch_.left > 0;
  const std::int64_t known = formula ? std::min(steps, stretch_.left) : 0;
  double ns = formula ? stretch_.floor(known) : 0;
  if (steps > known) {
    // Less what rounding may take away.
    const double least = step_.stretch_floor(stretch_.shape, steps) * slowdown_ * (1 - 1e-12);
    ns += (least * 1e9 - 1) * static_cast<double>(steps - known);
  }
  const SimTime from = async_ ? next_.end : current_.end;
  return std::max(done_, from + Duration{std::max(steps, static_cast<std::int64_t>(ns))});
}

SimTime Replica::advance(SimTime until) {
  if (ahead_ == 0 || done_ >= until) return done_;
  async_ ? run_ahead<true>(until.ns) : run_ahead<false>(until.ns);
  return done_;
}

models::Stretch Replica::stretch_from(const models::BatchShape& first) const {
  if (slowdown_ == 1) return step_.stretch(first);
  models::Stretch none;
  none.shape = first;
  return none;
}

// The step before the one that `stretch` is at, where the formula does not hold or its rounding is
// too close a call.
Launched Replica::launch_exactly(models::BatchShape shape, std::int64_t at, std::int64_t gpu_free,
                                 std::int64_t& results) {
  shape.decode_context_tokens -= shape.decode_seqs;
  const LaunchTimes t(slowed(step_.times(shape)));
  results = t.results;
  return launch_step(t, at, gpu_free, launches_);
}

template <bool kAsync>
void Replica::run_ahead(std::int64_t until) {
  BatchPlan& newer = kAsync ? next_ : current_;
  const FrontEndStation::Work work = front_end_.work(current_.shape.decode_seqs);
  const std::int64_t station_work = work.station.ns, out = work.out.ns,
                     client_work = work.client.ns;
  const std::int64_t busy_from = collector_.busy_from().ns, most = ahead_;
  // Nanoseconds: of the older step in flight, the newer one, and the FIFO servers of tokens.
  std::int64_t done = done_.ns, start = current_.start.ns, end = current_.end.ns;
  std::int64_t results = current_.results.ns, host_free = host_free_.ns;
  std::int64_t next_start = newer.start.ns, next_end = newer.end.ns,
               next_results = newer.results.ns;
  std::int64_t station = front_end_.free_at().ns, client = front_end_.client_free_at().ns;
  std::int64_t last_emit = last_emit_.ns, steps = 0, busy = 0;
  models::Stretch stretch = stretch_;
  std::array<std::int64_t, 64> gaps;  // not yet reported
  std::size_t unreported = 0;
  const auto report = [&] {
    collector_.on_gaps({gaps.data(), unreported}, span_measured_);
    unreported = 0;
  };
  do {
    busy += std::max<std::int64_t>(0, end - std::max(start, busy_from));
    station = std::max(station, done) + station_work;
    client = std::max(client, station + out) + client_work;
    gaps[unreported] = client - last_emit;
    if (++unreported == gaps.size()) report();
    last_emit = client;
    // The next step is composed and launched at `done`, behind one that leaves the GPU at next_end.
    if (stretch.left == 0) stretch = stretch_from(stretch.shape);
    models::RoundedStep step;
    Launched l;
    if (stretch.next(step)) {
      ++launches_.entity;
      l.host_free = done + step.lead;
      l.start = std::max(next_end, l.host_free);
      l.end = l.start + std::max<std::int64_t>(1, step.gpu);
    } else {
      l = launch_exactly(stretch.shape, done, next_end, step.results);
    }
    host_free = l.host_free;
    start = kAsync ? next_start : l.start;
    end = kAsync ? next_end : l.end;
    results = kAsync ? next_results : step.results;
    next_start = l.start;
    next_end = l.end;
    next_results = step.results;
    done = std::max(end, host_free) + results;
    ++steps;
  } while (steps < most && done < until);
  report();
  stretch_ = stretch;
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
