// Spans: a replica that only decodes, many steps at a time.
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "core/vector_clones.h"
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

bool Replica::same_decodes_in_flight() const {
  return !async_ ||
         (only_decodes(next_) && std::memcmp(current_.entries.data(), next_.entries.data(),
                                             current_.entries.size() * sizeof(PlanEntry)) == 0);
}

// After a step was composed and results are awaited.
void Replica::start_span() {
  if (in_flight_ < (async_ ? 2 : 1) || !to_abort_.empty()) return;
  if (lane_.is_open()) {
    if (!lane_.steady() || lane_emit_ != last_emit_ || current_.apart || (async_ && next_.apart) ||
        !policy_->steady(state_))
      return;
    ahead_ = lane_.steps_alike();
    span_measured_ = lane_measured_;
    if (ahead_ >= kShortest) return begin_span();
    ahead_ = 0;
    return;
  }
  if (!only_decodes(current_)) return;
  if (span_pause_ > 0) {
    --span_pause_;
    return;
  }
  if (!same_decodes_in_flight() || !policy_->steady(state_)) return;
  if (open_lane()) return start_span();
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
  begin_span();
}

void Replica::begin_span() {
  in_span_ = true;
  models::BatchShape following = async_ ? next_.shape : current_.shape;
  following.decode_context_tokens += following.decode_seqs;
  if (stretch_.left == 0 || stretch_.shape != following) stretch_ = stretch_from(following);
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

// A step that only decodes, by the formula of the stretch that it belongs to: that of the step
// before, or one that begins with it. False: its times are to be asked for.
bool Replica::launch_in_stretch(const models::BatchShape& shape, std::int64_t began, Launched& l,
                                std::int64_t& results) {
  if (shape.prefill_seqs > 0 || shape.decode_seqs == 0 || slowdown_ != 1) return false;
  if (stretch_.left == 0 || stretch_.shape != shape) stretch_ = step_.stretch(shape);
  models::RoundedStep step;
  if (!stretch_.next(step)) return false;
  ++launches_.entity;
  l.host_free = began + step.lead;
  l.start = std::max(gpu_free_.ns, l.host_free);
  l.end = l.start + std::max<std::int64_t>(1, step.gpu);
  results = step.results;
  return true;
}

// How many steps to look at together: not many more than are left until somebody looks.
std::size_t Replica::block_size(std::int64_t steps, std::int64_t ns) const {
  const double expected = static_cast<double>(ns) / std::max(1.0, stretch_.step_ns()) + 2;
  return static_cast<std::size_t>(
      std::min({static_cast<double>(steps), static_cast<double>(stretch_.left),
                static_cast<double>(models::StepBlock::kMost), expected}));
}

// Of a span's steps, the older in flight, the newer, and the FIFO servers of tokens. Nanoseconds.
struct Replica::Ahead {
  std::int64_t done, start, end, results, host_free;
  std::int64_t next_start, next_end, next_results;
  std::int64_t station, client, last_emit;
  std::int64_t station_work, out, client_work, busy_from;
  std::int64_t busy = 0;

  // The older one's results are there: its tokens leave. Returns the gap to those before.
  std::int64_t emit() {
    busy += std::max<std::int64_t>(0, end - std::max(start, busy_from));
    station = std::max(station, done) + station_work;
    client = std::max(client, station + out) + client_work;
    return client - std::exchange(last_emit, client);
  }
  // At `done` a step was launched.
  template <bool kAsync>
  void shift(const Launched& l, std::int64_t its_results) {
    host_free = l.host_free;
    start = kAsync ? next_start : l.start;
    end = kAsync ? next_end : l.end;
    results = kAsync ? next_results : its_results;
    next_start = l.start;
    next_end = l.end;
    next_results = its_results;
    done = std::max(end, host_free) + results;
  }

  // Async: nobody waits for the host or behind tokens when the next step is launched.
  [[nodiscard]] bool runs_freely(std::int64_t lead) const {
    return done == end + results && next_start == end && done + lead <= next_end &&
           station <= done && client <= done + station_work + out && busy_from <= start;
  }
  // The steps from `i` on of a block that is bound by the GPU from behind there on, as emit and
  // shift would have it. Requires runs_freely. Returns how many steps of the block are over.
  std::size_t run_freely(const models::StepBlock& block, std::size_t i, std::size_t most,
                         std::int64_t until, std::int64_t* gaps) {
    const std::int64_t to_client = station_work + out + client_work;
    gaps[i] = done + to_client - last_emit;
    busy += end - start;
    std::int64_t before = done;  // the results of the step before
    start = next_start;
    end = next_end;
    results = next_results;
    done = end + results;
    for (++i; i < most && done < until; ++i) {
      busy += end - start;
      before = done;
      start = end;
      end += block.gpu[i - 1];
      results = block.results[i - 1];
      done = end + results;
    }
    host_free = before + block.lead[i - 1];
    next_start = end;
    next_end = end + std::max<std::int64_t>(1, block.gpu[i - 1]);
    next_results = block.results[i - 1];
    station = before + station_work;
    client = last_emit = before + to_client;
    return i;
  }
};

// MODEL eq. 18 where nobody waits for the host: each step begins when the one before leaves the
// GPU. The gaps between the results of the steps from `first` on, and whether all of that is so:
// the host is done with step i before step i - 1 + 2 ends, and tokens leave before the next ones
// come, `work` later at most. Step i of the block is launched with the results of the one two
// before.
EPH_VECTOR_CLONES
bool bound_by_gpu(const models::StepBlock& block, std::size_t first, std::size_t most,
                  std::int64_t work, std::int64_t* gaps) noexcept {
  const std::int64_t* const gpu = block.gpu.data();
  const std::int64_t* const lead = block.lead.data();
  const std::int64_t* const results = block.results.data();
  std::int64_t waits = 0;  // its sign
  for (std::size_t i = first; i < most; ++i) {
    const std::int64_t gap = gpu[i - 2] + results[i - 2] - results[i - 3];
    gaps[i] = gap;
    waits |= (gpu[i - 1] - results[i - 2] - lead[i]) | (gap - work) | (gpu[i - 1] - 1);
  }
  return waits >= 0;
}

// Steps whose times are known, until one's results are there at `until` or later. Returns how many.
template <bool kAsync>
std::size_t Replica::run_block(Ahead& ahead, const models::StepBlock& block, std::size_t most,
                               std::int64_t until, std::int64_t* gaps) {
  Ahead a = ahead;
  std::size_t i = 0;
  do {
    if (kAsync && i == 2 && a.runs_freely(block.lead[i]) &&
        bound_by_gpu(block, i + 1, most, std::max(a.station_work, a.client_work), gaps)) {
      i = a.run_freely(block, i, most, until, gaps);
      break;
    }
    gaps[i] = a.emit();
    Launched l;
    l.host_free = a.done + block.lead[i];
    l.start = std::max(a.next_end, l.host_free);
    l.end = l.start + std::max<std::int64_t>(1, block.gpu[i]);
    a.shift<kAsync>(l, block.results[i]);
    ++i;
  } while (i < most && a.done < until);
  ahead = a;
  return i;
}

template <bool kAsync>
void Replica::run_ahead(std::int64_t until) {
  BatchPlan& newer = kAsync ? next_ : current_;
  const FrontEndStation::Work work = front_end_.work(current_.shape.decode_seqs);
  Ahead a{done_.ns,
          current_.start.ns,
          current_.end.ns,
          current_.results.ns,
          host_free_.ns,
          newer.start.ns,
          newer.end.ns,
          newer.results.ns,
          front_end_.free_at().ns,
          front_end_.client_free_at().ns,
          last_emit_.ns,
          work.station.ns,
          work.out.ns,
          work.client.ns,
          collector_.busy_from().ns};
  const std::int64_t most = ahead_;
  std::int64_t steps = 0;
  models::StepBlock block;
  std::array<std::int64_t, models::StepBlock::kMost> gaps;
  do {
    // The next step is composed and launched at `done`, behind one that leaves the GPU at next_end.
    if (stretch_.left == 0) stretch_ = stretch_from(stretch_.shape);
    const std::size_t known =
        stretch_.left > 0 ? stretch_.look(block, block_size(most - steps, until - a.done)) : 0;
    std::size_t taken = 1;
    if (known > 0) {
      taken = run_block<kAsync>(a, block, known, until, gaps.data());
      stretch_.skip(block, taken);
      launches_.entity += taken;
    } else {
      gaps[0] = a.emit();
      models::RoundedStep step;
      (void)stretch_.next(step);
      const Launched l = launch_exactly(stretch_.shape, a.done, a.next_end, step.results);
      a.shift<kAsync>(l, step.results);
    }
    collector_.on_gaps({gaps.data(), taken}, span_measured_);
    steps += static_cast<std::int64_t>(taken);
  } while (steps < most && a.done < until);
  done_ = SimTime{a.done};
  host_free_ = SimTime{a.host_free};
  current_.start = SimTime{a.start};
  current_.end = SimTime{a.end};
  current_.results = Duration{a.results};
  newer.start = SimTime{a.next_start};
  newer.end = gpu_free_ = SimTime{a.next_end};
  newer.results = Duration{a.next_results};
  front_end_.set(SimTime{a.station}, SimTime{a.client});
  left_ = SimTime{a.station};
  last_emit_ = SimTime{a.last_emit};
  collector_.on_busy(a.busy);
  ahead_ -= steps;
  pending_ += steps;
}

// What the steps that have ended did to sequences, blocks and counters.
void Replica::settle(SimTime now) {
  if (pending_ == 0) return;
  if (lane_.is_open()) {
    lane_.advance(pending_);
    lane_emit_ = last_emit_;
    policy_->pass(pending_);
  } else {
    for (const PlanEntry entry : current_.entries)
      outcomes_[index(entry.seq)].last_token = last_emit_;
    policy_->advance(state_, current_.entries, pending_);
  }
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
