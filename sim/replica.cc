#include "sim/replica.h"

#include <algorithm>
#include <utility>

namespace eph::sim {
Replica::Replica(ReplicaId id, const ReplicaConfig& config, RequestTable& table,
                 Collector& collector, MetricsSink* step_sink, const StreamKey& launches,
                 Totals* totals, bool spans)
    : id_(id),
      step_(*config.step),
      async_(config.engine.async_scheduling),
      needs_contexts_(config.step->needs_contexts()),
      state_(config.kv, config.engine.max_num_seqs, make_prefix_cache(config.engine, config.kv)),
      policy_(make_policy(config.engine, config.kv)),
      front_end_(config.front_end),
      table_(table),
      collector_(collector),
      step_sink_(step_sink),
      spans_(spans && step_sink == nullptr && !needs_contexts_ && config.ranks == 1 &&
             !config.engine.speculation.on()),
      lane_(state_),
      trims_(config.engine.kind == models::EngineKind::sglang),
      launches_(launches),
      totals_(totals) {
  launches_.entity += std::uint64_t{index(id)} << 40;
  // One after another in memory, as EngineState's are.
  constexpr std::size_t kFew = 32;
  outcomes_.reserve(kFew);
  lane_.reserve(kFew);
  for (BatchPlan* const plan : {&current_, &next_}) plan->reserve(kFew / 2);
  departures_.reserve(kFew / 4);
  first_tokens_.reserve(kFew / 4);
  if (config.ranks > 1) ranks_ = std::make_unique<RankSet>(config, state_);
  if (config.engine.speculation.on()) acceptance_.emplace(config.engine.speculation, launches);
}

bool Replica::accepts(const RequestRow& row) const {
  return policy_->accepts(row.stage_prompt(), row.stage_max_output());
}

SeqId Replica::enqueue(SlotId slot, const Content& content, SimTime now) {
  RequestRow& row = table_[slot];
  if (row.stage != RequestRow::Stage::decode) row.record.engine_queued = now;
  if (row.has_room) {
    row.has_room = false;
    state_.arrive(row.seq);
    report_levels(now);
    return row.seq;
  }
  if (ranks_) state_.select(ranks_->next(state_));
  const SeqId id =
      state_.add_waiting(row.stage_prompt(), row.stage_max_output(), row.record.id, content);
  note_added(id, slot);
  report_levels(now);
  return id;
}

void Replica::note_added(SeqId id, SlotId slot) {
  const RequestRow& row = table_[slot];
  if (row.moved_tokens > 0) state_.set_moved(id, row.moved_tokens);
  state_.set_priority(id, row.priority);
  if (outcomes_.size() < state_.capacity()) outcomes_.resize(state_.capacity());
  outcomes_[index(id)] = Outcome{SimTime{}, row.stage_output(), slot, row.measured};
}

std::optional<SeqId> Replica::expect(SlotId slot, const Content& content, SimTime now) {
  EPH_ASSERT(!in_span_, "replica {} makes room at an instant to which it was not brought",
             index(id_));
  if (policy_->settles()) leave_lane();  // SGLang counts what is to come of those that run
  const RequestRow& row = table_[slot];
  if (!policy_->has_room_for(state_, row.stage_prompt(), row.stage_max_output()))
    return std::nullopt;
  const SeqId id =
      state_.expect(row.stage_prompt(), row.stage_max_output(), row.record.id, content);
  note_added(id, slot);
  collector_.on_kv_peak(state_.kv().used(), state_.kv().usable());
  report_levels(now);
  return id;
}

void Replica::forgo(SeqId id, SimTime now) {
  EPH_ASSERT(!in_span_, "replica {} forgoes at an instant to which it was not brought", index(id_));
  state_.end(id);
  state_.release(id);
  report_levels(now);
}

// A composition that only preempts takes no time and is no step: composed again at once, unless the
// results of a step in flight are still to come.
void Replica::form_until_done(EnginePolicy& policy, BatchPlan& plan) {
  std::size_t preempted = 0;
  do {
    preempted = plan.preempted.size();
    policy.form_batch(state_, plan);
  } while (plan.empty() && plan.preempted.size() > preempted && in_flight_ == 0);
  EPH_ASSERT(state_.kv().free() >= 0 && state_.kv().used() >= 0, "INV-3: {} kv blocks used of {}",
             state_.kv().used(), state_.kv().usable());
}

bool Replica::compose(BatchPlan& plan) {
  if (!plan.empty()) plan.clear();  // an empty one may carry preemptions of the attempt before
  const std::size_t carried = plan.preempted.size();
  if (lane_.is_open() && compose_in_lane(plan)) return !plan.empty();
  if (ranks_) {
    compose_ranks(plan);
  } else {
    form_until_done(*policy_, plan);
    collector_.on_kv_peak(state_.kv().used(), state_.kv().usable());
  }
  collector_.on_preempted(plan.preempted.size() - carried);
  const EngineState::Levels levels = ranks_ ? state_.levels() : state_.levels_of(0);
  plan.waiting = levels.waiting;
  plan.running = levels.active;
  plan.kv_blocks_used = levels.used;
  return !plan.empty();
}

Replica::Next Replica::form_batch(SimTime now) {
  batch_due_ = false;
  EPH_ASSERT(!busy_, "a step is composed while the engine waits for results");
  const int depth = async_ ? 2 : 1;
  if (in_flight_ < depth) {
    BatchPlan& plan = in_flight_ == 0 ? current_ : next_;
    if (compose(plan)) {
      launch(plan, now);
      ++in_flight_;
      if (std::exchange(lane_ends_, false)) leave_lane();
      if (in_flight_ < depth) {
        batch_due_ = true;
        report_levels(now);
        return {Next::What::form_batch, host_free_};
      }
    }
  }
  report_levels(now);
  if (in_flight_ == 0) {
    const EngineState::Levels levels = state_.levels();
    if (state_.kept_blocks() > 0 || !state_.aside().empty()) {  // what waits may wait for these
      if (levels.active == 0 && levels.waiting == 0) on_idle();
      return {};
    }
    EPH_ASSERT(levels.active == 0 && levels.waiting == 0,
               "INV-5: replica {} is idle with {} running and {} waiting", index(id_),
               levels.active, levels.waiting);
    EPH_ASSERT(levels.used == 0 && levels.held == 0,
               "INV-3: replica {} is idle with {} kv blocks used, {} held", index(id_), levels.used,
               levels.held);
    on_idle();
    return {};
  }
  busy_ = true;
  done_ = std::max(current_.end, host_free_) + current_.results;
  announced_ = done_;
  if (spans_) start_span();
  return {Next::What::step_done, announced_};
}

// After the plan was composed: `computed` has moved on by the tokens of this step.
models::StepTimes Replica::step_times(const BatchPlan& plan) {
  if (ranks_) return rank_times(plan);
  if (!needs_contexts_) return step_.times(plan.shape);
  contexts_.clear();
  for (const PlanEntry entry : plan.entries) {
    const Sequence& s = state_[entry.seq];
    const std::int32_t before = s.computed - entry.tokens();
    if (before >= s.prefill_end) contexts_.push_back(before);
  }
  return {.gpu = step_.seconds_with(plan.shape, contexts_)};
}

void Replica::launch(BatchPlan& plan, SimTime now) {
  if (acceptance_ && in_flight_ > 0) correct_contexts(plan);
  const std::int64_t began = std::max(now, host_free_).ns;
  std::int64_t results = 0;
  Launched l;
  if (!spans_ || !launch_in_stretch(plan.shape, began, l, results)) {
    const LaunchTimes t(slowed(step_times(plan)));
    results = t.results;
    l = launch_step(t, began, gpu_free_.ns, launches_);
  }
  host_free_ = SimTime{l.host_free};
  plan.start = SimTime{l.start};
  plan.end = gpu_free_ = SimTime{l.end};
  plan.results = Duration{results};
  mark_first_scheduled(plan);
}

void Replica::mark_first_scheduled(const BatchPlan& plan) {
  for (const FirstAdmission& first : plan.first_scheduled) {
    RequestRecord& record = table_[outcomes_[index(first.seq)].slot].record;
    if (record.engine_scheduled != SimTime::never()) continue;
    record.engine_scheduled = plan.start;
    record.cached_tokens = first.cached;
  }
}

const std::vector<Replica::Departure>& Replica::finish_step(SimTime now) {
  EPH_ASSERT(busy_ && !in_span_ && now == done_, "results at {} ns instead of {}", now.ns,
             done_.ns);
  busy_ = false;
  announced_ = SimTime::never();
  host_free_ = now;
  departures_.clear();
  first_tokens_.clear();
  collector_.on_step_end(current_);
  if (step_sink_ != nullptr) report_step();
  ++steps_;
  const SimTime at_client = emit_tokens(now);
  if (lane_.is_open())
    take_lane_tokens(now, at_client);
  else if (acceptance_)
    state_.caches() ? take_tokens<true, true>(now, at_client)
                    : take_tokens<false, true>(now, at_client);
  else
    state_.caches() ? take_tokens<true, false>(now, at_client)
                    : take_tokens<false, false>(now, at_client);
  if (!departures_.empty() && !lane_.is_open()) drop_inactive();
  --in_flight_;
  std::swap(current_, next_);  // also an empty one: it carries the preemptions of its attempts
  drop_pending(now);
  report_levels(now);
  return departures_;
}

// The step's tokens pass the API server together; returns when the client has them.
SimTime Replica::emit_tokens(SimTime now) {
  const std::int32_t sampled = current_.shape.sampled_seqs - current_.wasted;
  if (sampled == 0) return now;
  left_ = front_end_.tokens(now, sampled);
  return front_end_.deliver(left_, sampled);
}

template <bool kCaches, bool kSpeculates>
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
    if (kCaches && entry.prefills()) {
      (void)select_for(entry.seq);
      state_.prefill_done(entry.seq);
    }
    emitted = true;
    Outcome& outcome = outcomes[index(entry.seq)];
    if (kSpeculates && !entry.prefills() && entry.tokens() > 1) {
      const std::int32_t more = verify_drafts(entry) - 1;  // at the client with the first one
      s.generated += more;
      if (more > 0 && outcome.measured)
        collector_.on_gap(Duration::zero(), static_cast<std::uint64_t>(more));
    }
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
  if (kSpeculates) collector_.on_drafts(std::exchange(drafts_, {}));
  if (emitted) last_emit_ = at_client;
}

void Replica::first_token(const Outcome& outcome, SimTime now, SimTime at_client) {
  RequestRow& row = table_[outcome.slot];
  RequestRecord& record = row.record;
  first_tokens_.push_back(outcome.slot);
  if (row.tokens_before > 0) {  // the prefill worker's was the first
    if (outcome.measured)
      collector_.on_gap(
          std::max(at_client + row.return_delay, record.first_token) - record.first_token, 1);
    return;
  }
  record.engine_first_token = now;
  record.first_left = left_;
  record.first_token = at_client + row.return_delay;
}

void Replica::finish(SeqId id, SimTime now, SimTime at_client) {
  const Sequence& s = state_[id];
  const SlotId slot = outcomes_[index(id)].slot;
  RequestRecord& record = table_[slot].record;
  at_client = at_client + table_[slot].return_delay;
  // The prefill worker's token may pass a busier API server than all that follow.
  if (table_[slot].tokens_before > 0) at_client = std::max(at_client, record.first_token);
  record.status = RequestStatus::finished;
  record.output_tokens = s.generated + table_[slot].tokens_before;
  record.preemptions = s.preemptions;
  record.engine_finish = now;
  record.last_left = left_;
  record.finish = at_client;
  departures_.push_back({slot, at_client});
  select_for(id).on_finished(s);
  if (table_[slot].keeps_kv) state_.keep(id);
  state_.end(id);
  if (s.plans == 0)
    state_.release(id);
  else  // async only: it is in next_, composed before this end was known
    ++next_.wasted;
}

void Replica::let_go(SeqId id, SimTime now) {
  EPH_ASSERT(!in_span_, "replica {} lets go at an instant to which it was not brought", index(id_));
  (void)select_for(id);
  state_.let_go(id);
  report_levels(now);
}

// An engine looks at what came in between two steps, so that what runs ends with the step awaited.
bool Replica::hang_up(SeqId id, SimTime now) {
  leave_lane();
  const Sequence& s = state_[id];
  if (busy_ && (s.state == SeqState::active || s.plans > 0)) {
    to_abort_.push_back(id);
    return false;
  }
  drop(id, now);
  report_levels(now);
  return true;
}

void Replica::drop(SeqId id, SimTime now) {
  const Sequence& s = state_[id];
  RequestRecord& record = table_[outcomes_[index(id)].slot].record;
  record.output_tokens = s.generated + table_[outcomes_[index(id)].slot].tokens_before;
  record.preemptions = s.preemptions;
  record.engine_finish = now;
  const bool active = s.state == SeqState::active;
  EnginePolicy& policy = select_for(id);
  if (active) policy.on_aborted(id, s);
  state_.end(id);
  if (active) state_.drop_inactive();
  if (s.plans == 0) return state_.release(id);
  // Async only: a step in flight holds it, whose token nobody will get.
  const auto is_own = [id](const PlanEntry& entry) { return entry.seq == id; };
  BatchPlan* const plans[] = {&current_, &next_};
  for (int i = 0; i < in_flight_; ++i) {
    const auto own = std::find_if(plans[i]->entries.begin(), plans[i]->entries.end(), is_own);
    if (own != plans[i]->entries.end() && own->samples()) ++plans[i]->wasted;
  }
}

void Replica::drop_pending(SimTime now) {
  aborted_.clear();
  for (const SeqId id : to_abort_) {
    if (state_[id].state == SeqState::ended) continue;  // with the step just awaited
    aborted_.push_back(outcomes_[index(id)].slot);
    drop(id, now);
  }
  to_abort_.clear();
}

void Replica::report_step() {
  scheduled_.clear();
  for (const PlanEntry entry : current_.entries)
    scheduled_.push_back(
        {state_.request(entry.seq), entry.tokens(), entry.samples(), tokens_out(entry)});
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
  record.admitted = current_.admitted;
  step_sink_->on_step(record);
}

void Replica::report_levels(SimTime now) {
  const EngineState::Levels levels = ranks_ ? state_.levels() : state_.levels_of(0);
  const std::int64_t waiting = levels.waiting, running = levels.active, blocks = levels.used;
  if (waiting == reported_waiting_ && running == reported_running_ && blocks == reported_blocks_)
    return;
  collector_.on_levels(now, waiting - reported_waiting_, running - reported_running_,
                       blocks - reported_blocks_);
  if (totals_ != nullptr) {
    totals_->waiting += waiting - reported_waiting_;
    totals_->running += running - reported_running_;
    totals_->blocks += blocks - reported_blocks_;
  }
  reported_waiting_ = waiting;
  reported_running_ = running;
  reported_blocks_ = blocks;
}

EngineLevels Replica::levels(SimTime now) {
  catch_up(now);
  const EngineState::Levels all = state_.levels();
  return {all.waiting, all.active, static_cast<double>(all.used) / static_cast<double>(all.usable)};
}

void Replica::die(SimTime now, std::vector<SlotId>& requests) {
  EPH_ASSERT(!in_span_, "replica {} dies at an instant to which it was not brought", index(id_));
  leave_lane();
  if (in_flight_ > 0 && current_.start < now)
    collector_.on_step_cut(current_.start, std::min(now, current_.end));
  const std::size_t before = requests.size();
  for (std::uint32_t i = 0; i < state_.capacity(); ++i) {
    const Sequence& s = state_[SeqId{i}];
    if (s.state == SeqState::ended || state_.is_expected(SeqId{i})) continue;
    requests.push_back(outcomes_[i].slot);
    const RequestRow& row = table_[outcomes_[i].slot];
    collector_.on_work_lost(
        std::max(0, std::min(s.computed, s.prompt) - row.moved_tokens - row.record.cached_tokens),
        s.generated);
  }
  std::sort(requests.begin() + static_cast<std::ptrdiff_t>(before), requests.end(),
            [this](SlotId a, SlotId b) { return table_[a].record.id < table_[b].record.id; });
  collector_.on_levels(now, -reported_waiting_, -reported_running_, -reported_blocks_);
  if (totals_ == nullptr) return;
  totals_->waiting -= reported_waiting_;
  totals_->running -= reported_running_;
  totals_->blocks -= reported_blocks_;
}

void Replica::stop(SimTime now) {
  if (in_span_) (void)interrupt(now + Duration{1});
  leave_lane();
  if (in_flight_ > 0 && current_.start < now)
    collector_.on_step_cut(current_.start, std::min(now, current_.end));
  for (std::uint32_t i = 0; i < state_.capacity(); ++i) {
    const Sequence& s = state_[SeqId{i}];
    if (s.state == SeqState::ended || state_.is_expected(SeqId{i})) continue;
    RequestRecord& record = table_[outcomes_[i].slot].record;
    record.output_tokens = s.generated + table_[outcomes_[i].slot].tokens_before;
    record.preemptions = s.preemptions;
  }
}

}  // namespace eph::sim
