#include "sim/run.h"

#include <algorithm>
#include <utility>

namespace eph::sim {
namespace {

constexpr std::uint64_t kProgressEvery = 4096;  // events
// With nothing but replicas coming and going for so long, what waits will wait for ever.
constexpr Duration kStalled{30LL * 86'400 * 1'000'000'000};

bool holds_or_sheds(const AdmissionOptions& a) {
  return a.max_queue >= 0 || a.rate > 0 || a.max_per_replica > 0 || !a.sheddable.empty();
}
bool breaks(const FaultOptions& f) {
  return f.gpu.mtbf > Duration::zero() || f.node.mtbf > Duration::zero() ||
         f.zone.mtbf > Duration::zero() || !f.outages.empty() || !f.stragglers.empty() ||
         f.straggler_share > 0 || f.reclaims_per_hour > 0;
}
bool changes(const PoolConfig& pool) {
  return pool.autoscaler.has_value() || breaks(pool.faults) ||
         pool.upgrade.at != SimTime::never() || holds_or_sheds(pool.admission) ||
         pool.replicas == 0;
}
bool all_zero(const models::FrontEnd& f) {
  return f.client_in_s == 0 && f.jitter_mean_s == 0 && f.request_s == 0 && f.prompt_token_s == 0;
}

}  // namespace

Run::Run(const SimulationConfig& config, workload::Load& load, const RunOptions& options)
    : config_(config),
      load_(load),
      options_(options),
      collector_(config, options),
      step_sink_(options.sink != nullptr && options.sink->wants_steps() ? options.sink : nullptr),
      stop_sink_(options.sink != nullptr && options.sink->wants_stops() ? options.sink : nullptr),
      changes_(changes(config) || !config.further.empty() || config.machines) {
  const StreamKey draws{config.seed, config.run, Purpose::routing};
  pools_.push_back(std::make_unique<Pool>(config_, 0, draws));
  open_pools();
  for (auto& pool : pools_) {
    pool->direct = all_zero(pool->config().replica.front_end) && !config.network;
    caching_ =
        caching_ || pool->config().replica.engine.prefix_caching || pool->router().wants_content();
    scrapes_ = scrapes_ || pool->board().scrapes_levels();
  }
}

Result<RunSummary> Run::go() {
  open_fleet();
  next_send_ = load_.peek();
  for (;;) {
    while (!queue_.empty() && overtaken(queue_.next())) queue_.drop();
    const std::uint64_t of_request = queue_.empty() ? ReplicaClock::kNothing : queue_.next_key();
    const std::uint64_t of_replica = clock_.next_key();
    const std::uint64_t next = std::min(of_request, of_replica);
    if (next_send_ == SimTime::never() && next == ReplicaClock::kNothing) break;
    if (next_send_ != SimTime::never() && next_send_.ns > Event::kMaxNs)
      return usage_error(fmt::format("request {} is sent at {} s", sent_, next_send_.seconds()),
                         "simulated time ends after 417 days; shift the trace to start at 0");
    const bool sends =
        next_send_ != SimTime::never() && Event::key_of(next_send_, EventClass::send) < next;
    const SimTime at = sends ? next_send_ : SimTime{static_cast<std::int64_t>(next >> 8)};
    if (at > config_.horizon) {
      now_ = config_.horizon;
      break;
    }
    EPH_ASSERT(at >= now_, "INV-2: an event at {} ns follows {} ns", at.ns, now_.ns);
    now_ = at;
    if (collector_.next_sample() <= now_) sample_series();
    collector_.on_event();
    if (scrapes_)
      for (auto& pool : pools_) pool->board().look(now_);
    if (sends) {
      if (auto ok = send(); !ok) return ok.error();
    } else {
      dispatch(of_replica < of_request ? next_of_replicas() : queue_.pop());
    }
    if (!drained_.empty()) stop_drained();
    if (++events_ % kProgressEvery == 0 && !carry_on()) break;
    if (changes_ && stalled()) break;
  }
  if (auto ok = load_.failed(); !ok) return ok.error();
  if (auto ok = collector_.check_slos(); !ok) return ok.error();
  if (auto ok = check_classes(); !ok) return ok.error();
  return stop();
}

bool Run::carry_on() { return !options_.progress || options_.progress(now_, collector_.ended()); }

bool Run::stalled() const {
  return next_send_ == SimTime::never() && now_ - last_request_event_ > kStalled;
}

// The replica that comes after it is fetched while this one is at work: of thousands, none stays in
// the core's own cache from one event to the next.
Event Run::next_of_replicas() {
  const Event event = clock_.pop();
  if (const std::optional<ReplicaId> next = clock_.following())
    if (const Replica* const replica = seats_[index(*next)].replica) replica->fetch();
  return event;
}

void Run::dispatch(const Event& event) {
  if (event.event_class() == EventClass::fleet)
    return fleet_event(fleet_events_.take(event.target));
  last_request_event_ = now_;
  switch (event.event_class()) {
    case EventClass::step_done:
      return step_done(ReplicaId{event.target});
    case EventClass::client_done:
      return client_done(SlotId{event.target});
    case EventClass::timeout:
      return timeout(SlotId{event.target});
    case EventClass::abort:
      return hung_up(SlotId{event.target});
    case EventClass::gateway:
      return gateway(SlotId{event.target});
    case EventClass::ingress:
      return ingress(SlotId{event.target});
    case EventClass::visible:
      return visible(SlotId{event.target});
    case EventClass::form_batch:
      return form_batch(ReplicaId{event.target});
    case EventClass::fleet:
    case EventClass::send:
      break;
  }
  EPH_ASSERT(false, "event of class {}", static_cast<int>(event.event_class()));
}

// Timeouts and aborts of requests that have ended, answers to clients that have gone, and changes
// of a fleet that has nothing left to serve: they happen to nobody, and time does not stop for
// them.
bool Run::overtaken(const Event& event) const {
  const EventClass what = event.event_class();
  if (what == EventClass::fleet) return next_send_ == SimTime::never() && present_ == 0;
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

// Each point shows the state before anything at its instant.
void Run::sample_series() {
  while (collector_.next_sample() <= now_) {
    const SimTime at = collector_.next_sample();
    for (auto& pool : pools_)
      for (Member& member : pool->members())
        if (member.replica) member.replica->catch_up(at);
    if (pools_.size() > 1)
      for (auto& pool : pools_) pool->sample();
    collector_.advance_series(at);
  }
}

RunSummary Run::stop() {
  sample_series();
  for (auto& pool : pools_)
    for (Member& member : pool->members())
      if (member.replica) member.replica->stop(now_);
  for (const SlotId slot : table_.live()) {
    RequestRow& row = table_[slot];
    if (row.record.engine_scheduled > now_) row.record.engine_scheduled = SimTime::never();
    if (row.gave_up != SimTime::never()) {
      collector_.on_cancelled(row);
      continue;
    }
    row.record.status = RequestStatus::unfinished;
    if (row.place == RequestRow::Place::queued)
      collector_.on_never_left_gateway(now_ - row.at_gateway);
    // What the client was to see later, it has not seen.
    if (row.record.finish > now_) row.record.finish = SimTime::never();
    if (row.record.first_token > now_) row.record.first_token = SimTime::never();
    collector_.on_unfinished(now_, row);
  }
  if (changes_) {
    close_machines();
    note_aimless_faults();
    for (auto& pool : pools_) collector_.on_pool(pool->finish(now_));
  }
  return collector_.finish(now_);
}

}  // namespace eph::sim
