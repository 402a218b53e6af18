#include "sim/simulation.h"

#include <algorithm>
#include <utility>

#include "core/distributions.h"
#include "core/rng.h"
#include "sim/event_queue.h"
#include "sim/replica.h"
#include "sim/router.h"

namespace eph::sim {
namespace {

constexpr std::uint64_t kProgressEvery = 4096;  // events

// The state of one run and its event loop.
class Run {
 public:
  Run(const SimulationConfig& config, workload::Load& load, const RunOptions& options);
  Result<RunSummary> go();

 private:
  Result<void> check_arrival(const workload::Arrival& arrival) const;
  Result<void> send();
  void dispatch(const Event& event);
  void step_done(std::uint32_t replica);
  void client_done(SlotId slot);
  void set_timeout(SlotId slot, const workload::Arrival& arrival);
  void timeout(SlotId slot);
  void hung_up(SlotId slot);
  void settle_cancelled(SlotId slot);
  void end_at_client(SlotId slot);
  [[nodiscard]] bool overtaken(const Event& event) const;
  void ingress(SlotId slot);
  void visible(SlotId slot);
  void form_batch(std::uint32_t replica);
  void wake(std::uint32_t replica);
  bool carry_on();
  RunSummary stop();
  Duration network_delay(RequestId id) const;

  const SimulationConfig& config_;
  workload::Load& load_;
  const RunOptions& options_;
  EventQueue queue_;
  RequestTable table_;
  Collector collector_;
  std::unique_ptr<Router> router_;
  std::vector<Replica> replicas_;
  std::vector<std::int64_t> outstanding_;
  SimTime now_{};
  SimTime next_send_ = SimTime::never();
  std::uint64_t sent_ = 0;
  std::uint64_t events_ = 0;
  bool caching_ = false;  // engines look at what the tokens are
  bool direct_ = false;   // no front end: a sent request is visible at once
};

bool all_zero(const models::FrontEnd& f) {
  return f.client_in_s == 0 && f.jitter_mean_s == 0 && f.request_s == 0 && f.prompt_token_s == 0;
}

Run::Run(const SimulationConfig& config, workload::Load& load, const RunOptions& options)
    : config_(config),
      load_(load),
      options_(options),
      collector_(config, options),
      router_(make_router(config.router)),
      outstanding_(static_cast<std::size_t>(config.replicas), 0),
      caching_(config.replica.engine.prefix_caching),
      direct_(all_zero(config.replica.front_end)) {
  MetricsSink* step_sink =
      options.sink != nullptr && options.sink->wants_steps() ? options.sink : nullptr;
  replicas_.reserve(outstanding_.size());
  for (std::uint32_t i = 0; i < outstanding_.size(); ++i)
    replicas_.emplace_back(ReplicaId{i}, config.replica, table_, collector_, step_sink,
                           StreamKey{config.seed, config.run, Purpose::launch});
}

Result<RunSummary> Run::go() {
  next_send_ = load_.peek();
  for (;;) {
    while (!queue_.empty() && overtaken(queue_.next())) queue_.drop();
    const bool pending = !queue_.empty();
    if (next_send_ == SimTime::never() && !pending) break;
    if (next_send_ != SimTime::never() && next_send_.ns > Event::kMaxNs)
      return usage_error(fmt::format("request {} is sent at {} s", sent_, next_send_.seconds()),
                         "simulated time ends after 417 days; shift the trace to start at 0");
    const bool sends =
        next_send_ != SimTime::never() &&
        (!pending || Event::key_of(next_send_, EventClass::send) < queue_.next_key());
    const SimTime at =
        sends ? next_send_ : SimTime{static_cast<std::int64_t>(queue_.next_key() >> 8)};
    if (at > config_.horizon) {
      now_ = config_.horizon;
      break;
    }
    EPH_ASSERT(at >= now_, "INV-2: an event at {} ns follows {} ns", at.ns, now_.ns);
    now_ = at;
    collector_.advance_series(now_);
    collector_.on_event();
    if (sends) {
      if (auto ok = send(); !ok) return ok.error();
    } else {
      dispatch(queue_.pop());
    }
    if (++events_ % kProgressEvery == 0 && !carry_on()) break;
  }
  if (auto ok = load_.failed(); !ok) return ok.error();
  if (auto ok = collector_.check_slos(); !ok) return ok.error();
  return stop();
}

bool Run::carry_on() { return !options_.progress || options_.progress(now_, collector_.ended()); }

Result<void> Run::check_arrival(const workload::Arrival& arrival) const {
  if (arrival.prompt_tokens >= 1 && arrival.output_tokens >= 1 &&
      arrival.max_output_tokens >= arrival.output_tokens)
    return {};
  return usage_error(
      fmt::format("request {} has {} prompt tokens, {} output tokens, at most {} permitted", sent_,
                  arrival.prompt_tokens, arrival.output_tokens, arrival.max_output_tokens),
      "prompts and outputs have at least one token, and outputs no more than they may");
}

Result<void> Run::send() {
  const workload::Arrival arrival = load_.take();
  EPH_ASSERT(arrival.at == now_, "a load announced {} ns and sent at {} ns", now_.ns,
             arrival.at.ns);
  if (auto ok = check_arrival(arrival); !ok) return ok;
  const RequestId id{sent_++};
  const SlotId slot = table_.add(arrival, id, now_ >= config_.measure_from);
  if (caching_)
    table_.set_content(slot, arrival, load_.block_hashes(arrival), load_.hash_block_tokens());
  RequestRow& row = table_[slot];
  const ReplicaId to =
      router_->pick({id, arrival.prompt_tokens, arrival.prefix_group}, {outstanding_});
  EPH_ASSERT(index(to) < replicas_.size(), "routed to replica {} of {}", index(to),
             replicas_.size());
  row.record.replica = to;
  ++outstanding_[index(to)];
  if (arrival.request_class >= collector_.known_classes())
    collector_.set_classes(load_.class_names());
  collector_.on_sent(now_, row);
  set_timeout(slot, arrival);
  if (direct_) {
    row.record.ingress = now_;
    visible(slot);
  } else {
    queue_.push(now_ + network_delay(id), EventClass::ingress, index(slot));
  }
  next_send_ = load_.peek();
  return {};
}

Duration Run::network_delay(RequestId id) const {
  const models::FrontEnd& f = config_.replica.front_end;
  if (f.jitter_mean_s <= 0) return Duration::from_seconds(f.client_in_s);
  Stream stream({config_.seed, config_.run, Purpose::network, index(id)});
  return Duration::from_seconds(f.client_in_s + draw_exponential(stream, f.jitter_mean_s));
}

void Run::dispatch(const Event& event) {
  switch (event.event_class()) {
    case EventClass::step_done:
      return step_done(event.target);
    case EventClass::client_done:
      return client_done(SlotId{event.target});
    case EventClass::timeout:
      return timeout(SlotId{event.target});
    case EventClass::abort:
      return hung_up(SlotId{event.target});
    case EventClass::ingress:
      return ingress(SlotId{event.target});
    case EventClass::visible:
      return visible(SlotId{event.target});
    case EventClass::form_batch:
      return form_batch(event.target);
    case EventClass::send:
      break;
  }
  EPH_ASSERT(false, "event of class {}", static_cast<int>(event.event_class()));
}

void Run::ingress(SlotId slot) {
  RequestRecord& record = table_[slot].record;
  record.ingress = now_;
  FrontEndStation& server = replicas_[index(record.replica)].front_end();
  queue_.push(server.request(now_, record.prompt_tokens), EventClass::visible, index(slot));
}

// What the engine can never hold is refused here. The answer takes at least 1 ns, so that a client
// that sends again at once does not stop the clock.
void Run::visible(SlotId slot) {
  RequestRow& row = table_[slot];
  const std::uint32_t to = index(row.record.replica);
  if (row.abort_at <= now_) return settle_cancelled(slot);
  if (!replicas_[to].accepts(row)) {
    row.place = RequestRow::Place::left;
    row.record.status = RequestStatus::rejected;
    const auto answer = Duration::from_seconds(config_.replica.front_end.client_out_s);
    row.record.finish = now_ + std::max(Duration{1}, answer);
    queue_.push(row.record.finish, EventClass::client_done, index(slot));
    return;
  }
  row.seq = replicas_[to].enqueue(slot, caching_ ? table_.content(slot) : Content{}, now_);
  row.place = RequestRow::Place::in_engine;
  if (row.gave_up != SimTime::never()) replicas_[to].stop_measuring(row.seq);
  wake(to);
}

void Run::wake(std::uint32_t replica) {
  if (replicas_[replica].wants_batch()) queue_.push(now_, EventClass::form_batch, replica);
}

void Run::form_batch(std::uint32_t replica) {
  const Replica::Next next = replicas_[replica].form_batch(now_);
  if (next.what == Replica::Next::What::form_batch)
    queue_.push(next.at, EventClass::form_batch, replica);
  else if (next.what == Replica::Next::What::step_done)
    queue_.push(next.at, EventClass::step_done, replica);
}

void Run::step_done(std::uint32_t replica) {
  for (const Replica::Departure& departure : replicas_[replica].finish_step(now_)) {
    RequestRow& row = table_[departure.slot];
    row.place = RequestRow::Place::left;
    if (row.gave_up == SimTime::never())
      queue_.push(departure.at, EventClass::client_done, index(departure.slot));
    else
      settle_cancelled(departure.slot);
  }
  for (const SlotId slot : replicas_[replica].aborted()) settle_cancelled(slot);
  wake(replica);
}

void Run::client_done(SlotId slot) {
  collector_.on_ended(now_, table_[slot]);
  table_.remove(slot);
  end_at_client(slot);
}

void Run::end_at_client(SlotId slot) {
  const RequestRecord& record = table_[slot].record;
  --outstanding_[index(record.replica)];
  load_.on_finished(record.id, now_);
  next_send_ = load_.peek();
  EPH_ASSERT(next_send_ >= now_, "a load sends at {} ns what was released at {} ns", next_send_.ns,
             now_.ns);
}

void Run::set_timeout(SlotId slot, const workload::Arrival& arrival) {
  const Duration patience =
      arrival.timeout > Duration::zero() ? arrival.timeout : config_.client_timeout;
  if (patience <= Duration::zero()) return;
  collector_.on_timeout_set();
  RequestRow& row = table_[slot];
  row.deadline = now_ + patience;
  // Beyond the longest simulated time nobody waits for it.
  if (row.deadline.ns <= Event::kMaxNs) queue_.push(row.deadline, EventClass::timeout, index(slot));
}

// Timeouts and aborts of requests that have ended, and answers to clients that have gone: they
// happen to nobody, and time does not stop for them.
bool Run::overtaken(const Event& event) const {
  const EventClass what = event.event_class();
  if (what != EventClass::timeout && what != EventClass::abort && what != EventClass::client_done)
    return false;
  const RequestRow& row = table_[SlotId{event.target}];
  if (!row.live) return true;
  if (what == EventClass::abort) return row.abort_at != event.at();
  if (row.gave_up != SimTime::never()) return true;
  if (what == EventClass::client_done) return row.record.finish != event.at();
  return row.deadline != event.at() ||
         (config_.timeout_on == TimeoutOn::ttft && row.record.first_token <= event.at());
}

// The client hangs up and goes on; the server hears of it later, and may have finished by then.
void Run::timeout(SlotId slot) {
  RequestRow& row = table_[slot];
  row.gave_up = now_;
  collector_.on_gave_up(now_, row);
  if (row.place == RequestRow::Place::left) {
    settle_cancelled(slot);
  } else {
    if (row.place == RequestRow::Place::in_engine)
      replicas_[index(row.record.replica)].stop_measuring(row.seq);
    row.abort_at = now_ + Duration::from_seconds(config_.replica.front_end.client_in_s);
    queue_.push(row.abort_at, EventClass::abort, index(slot));
  }
  end_at_client(slot);
}

// One that the scheduler has not seen yet is dropped when it would (visible).
void Run::hung_up(SlotId slot) {
  const RequestRow& row = table_[slot];
  if (row.place != RequestRow::Place::in_engine) return;
  const std::uint32_t replica = index(row.record.replica);
  if (replicas_[replica].hang_up(row.seq, now_)) settle_cancelled(slot);
}

// Nobody works on it any more.
void Run::settle_cancelled(SlotId slot) {
  collector_.on_cancelled(table_[slot]);
  table_.remove(slot);
}

RunSummary Run::stop() {
  for (Replica& replica : replicas_) replica.stop(now_);
  collector_.advance_series(now_);
  for (const SlotId slot : table_.live()) {
    RequestRow& row = table_[slot];
    if (row.record.engine_scheduled > now_) row.record.engine_scheduled = SimTime::never();
    if (row.gave_up != SimTime::never()) {
      collector_.on_cancelled(row);
      continue;
    }
    row.record.status = RequestStatus::unfinished;
    // What the client was to see later, it has not seen.
    if (row.record.finish > now_) row.record.finish = SimTime::never();
    if (row.record.first_token > now_) row.record.first_token = SimTime::never();
    collector_.on_unfinished(now_, row);
  }
  return collector_.finish(now_);
}

Result<void> check(const SimulationConfig& config) {
  if (config.replicas < 1)
    return usage_error(fmt::format("{} replicas", config.replicas), "simulate at least one");
  if (config.series_interval < Duration::zero())
    return usage_error(fmt::format("series interval of {} s", config.series_interval.seconds()),
                       "give a time above zero, or zero for no series");
  if (config.client_timeout < Duration::zero())
    return usage_error(fmt::format("client timeout of {} s", config.client_timeout.seconds()),
                       "give a time above zero, or zero for none");
  const models::FrontEnd& f = config.replica.front_end;
  for (const double s : {f.client_in_s, f.client_out_s, f.client_token_s, f.jitter_mean_s,
                         f.request_s, f.prompt_token_s, f.output_token_s})
    if (!(s >= 0 && s < 1e6))
      return usage_error(fmt::format("front-end time of {} s", s), "times are zero or above");
  EPH_ASSERT(config.replica.step != nullptr, "a simulation without a step model");
  return check(config.replica.engine, config.replica.kv);
}

}  // namespace

struct Simulation::Impl {
  SimulationConfig config;
};

Simulation::Simulation(SimulationConfig config) : impl_(std::make_unique<Impl>(Impl{config})) {}
Simulation::~Simulation() = default;

Result<RunSummary> Simulation::run(workload::Load& load, const RunOptions& options) {
  if (auto ok = check(impl_->config); !ok) return ok.error();
  return Run(impl_->config, load, options).go();
}

}  // namespace eph::sim
