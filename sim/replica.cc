#include "sim/replica.h"

#include <algorithm>
#include <utility>

namespace eph::sim {

Replica::Replica(ReplicaId id, const ReplicaConfig& config, RequestTable& table,
                 Collector& collector, MetricsSink* step_sink)
    : id_(id),
      step_(*config.step),
      client_out_(Duration::from_seconds(config.front_end.client_out_s)),
      async_(config.engine.async_scheduling),
      needs_contexts_(config.step->needs_contexts()),
      state_(config.kv, config.engine.max_num_seqs, config.engine.keep_preempted_kv),
      policy_(make_policy(config.engine, config.kv)),
      front_end_(config.front_end),
      table_(table),
      collector_(collector),
      step_sink_(step_sink) {}

bool Replica::accepts(const RequestRow& row) const {
  return policy_->accepts(row.record.prompt_tokens, row.max_output_tokens);
}

void Replica::enqueue(SlotId slot, SimTime now) {
  RequestRow& row = table_[slot];
  row.record.engine_queued = now;
  const SeqId id =
      state_.add_waiting(row.record.prompt_tokens, row.max_output_tokens, row.record.id);
  if (outcomes_.size() < state_.capacity()) outcomes_.resize(state_.capacity());
  outcomes_[index(id)] = Outcome{SimTime{}, row.output_tokens, slot, row.measured};
  report_levels(now);
}

// A composition that only preempts takes no time and is no step: composed again at once, unless the
// results of a step in flight are still to come.
bool Replica::compose(BatchPlan& plan) {
  if (!plan.empty()) plan.clear();  // an empty one may carry preemptions of the attempt before
  const std::size_t carried = plan.preempted.size();
  std::size_t preempted = 0;
  do {
    preempted = plan.preempted.size();
    policy_->form_batch(state_, plan);
  } while (plan.empty() && plan.preempted.size() > preempted && !busy_);
  EPH_ASSERT(state_.kv().free() >= 0 && state_.kv().used() >= 0, "INV-3: {} kv blocks used of {}",
             state_.kv().used(), state_.kv().usable());
  collector_.on_preempted(plan.preempted.size() - carried);
  collector_.on_kv_peak(state_.kv().used());
  plan.waiting = static_cast<std::int64_t>(state_.waiting().size());
  plan.running = state_.active();
  plan.kv_blocks_used = state_.kv().used();
  return !plan.empty();
}

std::optional<SimTime> Replica::start_step(SimTime now) {
  start_due_ = false;
  EPH_ASSERT(!busy_, "a step starts while another runs");
  if (!composed_) composed_ = compose(next_);
  if (!composed_) {
    EPH_ASSERT(state_.active() == 0 && state_.waiting().empty(),
               "INV-5: replica {} is idle with {} running and {} waiting", index(id_),
               state_.active(), state_.waiting().size());
    policy_->on_idle();
    report_levels(now);
    return std::nullopt;
  }
  std::swap(current_, next_);
  current_.start = now;
  current_.end = now + std::max(Duration{1}, Duration::from_seconds(step_seconds()));
  busy_ = true;
  mark_first_scheduled(now);
  composed_ = async_ && compose(next_);
  report_levels(now);
  return current_.end;
}

// Before the next step is composed: `computed` is still what it was when this one was.
double Replica::step_seconds() {
  if (!needs_contexts_) return step_.seconds(current_.shape);
  contexts_.clear();
  for (const PlanEntry entry : current_.entries) {
    const Sequence& s = state_[entry.seq];
    const std::int32_t before = s.computed - entry.tokens();
    if (before >= s.prefill_end) contexts_.push_back(before);
  }
  return step_.seconds_with(current_.shape, contexts_);
}

void Replica::mark_first_scheduled(SimTime now) {
  for (const SeqId id : current_.first_scheduled) {
    SimTime& scheduled = table_[outcomes_[index(id)].slot].record.engine_scheduled;
    if (scheduled == SimTime::never()) scheduled = now;
  }
}

const std::vector<Replica::Departure>& Replica::finish_step(SimTime now) {
  EPH_ASSERT(busy_ && now == current_.end, "a step ends at {} ns instead of {}", now.ns,
             current_.end.ns);
  busy_ = false;
  departures_.clear();
  collector_.on_step_end(current_);
  if (step_sink_ != nullptr) report_step();
  ++steps_;
  take_tokens(now, emit_tokens(now));
  if (!departures_.empty()) state_.drop_inactive();
  report_levels(now);
  return departures_;
}

// The step's tokens pass the API server together; returns when the client has them.
SimTime Replica::emit_tokens(SimTime now) {
  const std::int32_t sampled = current_.shape.sampled_seqs - current_.wasted;
  if (sampled == 0) return now;
  return front_end_.tokens(now, sampled) + client_out_;
}

void Replica::take_tokens(SimTime now, SimTime at_client) {
  // Locals, because the counters written below could alias members as far as the compiler knows.
  Sequence* const seqs = state_.sequences();
  Outcome* const outcomes = outcomes_.data();
  const SimTime last_emit = last_emit_;
  std::uint64_t common = 0;  // sequences whose previous token came with the replica's previous ones
  bool emitted = false;
  for (const PlanEntry entry : current_.entries) {
    Sequence& s = seqs[index(entry.seq)];
    --s.plans;
    if (s.state == SeqState::ended) {
      if (s.plans == 0) state_.release(entry.seq);
      continue;
    }
    if (!entry.samples()) continue;
    emitted = true;
    Outcome& outcome = outcomes[index(entry.seq)];
    if (++s.generated == 1)
      first_token(outcome, now, at_client);
    else if (outcome.measured && outcome.last_token == last_emit)
      ++common;
    else if (outcome.measured)
      collector_.on_gap(at_client - outcome.last_token, 1);
    outcome.last_token = at_client;
    if (s.generated == outcome.output) finish(entry.seq, now, at_client);
  }
  if (common > 0) collector_.on_gap(at_client - last_emit, common);
  if (emitted) last_emit_ = at_client;
}

void Replica::first_token(const Outcome& outcome, SimTime now, SimTime at_client) {
  RequestRecord& record = table_[outcome.slot].record;
  record.engine_first_token = now;
  record.first_token = at_client;
}

void Replica::finish(SeqId id, SimTime now, SimTime at_client) {
  const Sequence& s = state_[id];
  const SlotId slot = outcomes_[index(id)].slot;
  RequestRecord& record = table_[slot].record;
  record.status = RequestStatus::finished;
  record.output_tokens = s.generated;
  record.preemptions = s.preemptions;
  record.engine_finish = now;
  record.finish = at_client;
  departures_.push_back({slot, at_client});
  policy_->on_finished(s);
  state_.end(id);
  if (s.plans == 0)
    state_.release(id);
  else  // async only: it is in next_, composed before this end was known
    ++next_.wasted;
}

void Replica::report_step() {
  scheduled_.clear();
  for (const PlanEntry entry : current_.entries)
    scheduled_.push_back({state_.request(entry.seq), entry.tokens()});
  StepRecord record;
  record.replica = id_;
  record.step = steps_;
  record.start = current_.start;
  record.end = current_.end;
  record.shape = current_.shape;
  record.waiting = current_.waiting;
  record.running = current_.running;
  record.kv_blocks_used = current_.kv_blocks_used;
  record.scheduled = scheduled_;
  record.preempted = current_.preempted;
  step_sink_->on_step(record);
}

void Replica::report_levels(SimTime now) {
  const auto waiting = static_cast<std::int64_t>(state_.waiting().size());
  const std::int64_t running = state_.active();
  const std::int64_t blocks = state_.kv().used();
  collector_.on_levels(now, waiting - reported_waiting_, running - reported_running_,
                       blocks - reported_blocks_);
  reported_waiting_ = waiting;
  reported_running_ = running;
  reported_blocks_ = blocks;
}

void Replica::stop(SimTime now) {
  if (busy_) collector_.on_step_cut(current_.start, now);
  for (std::uint32_t i = 0; i < state_.capacity(); ++i) {
    const Sequence& s = state_[SeqId{i}];
    if (s.state == SeqState::ended) continue;
    RequestRecord& record = table_[outcomes_[i].slot].record;
    record.output_tokens = s.generated;
    record.preemptions = s.preemptions;
  }
}

}  // namespace eph::sim
