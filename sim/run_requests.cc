// A request's way to its engine and back.
#include <algorithm>

#include "core/distributions.h"
#include "sim/fleet/start_time.h"
#include "sim/run.h"

namespace eph::sim {
namespace {

constexpr Duration kFastestRefusal{1'000'000};

Spread spread_of(const models::HopDelay& hop) { return {hop.median_s, hop.p95_s}; }

}  // namespace

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
  last_request_event_ = now_;
  const RequestId id{sent_++};
  const SlotId slot = table_.add(arrival, id, now_ >= config_.measure_from);
  ++present_;
  if (caching_)
    table_.set_content(slot, arrival, load_.block_hashes(arrival), load_.hash_block_tokens());
  RequestRow& row = table_[slot];
  if (arrival.request_class >= collector_.known_classes()) {
    collector_.set_classes(load_.class_names());
    for (auto& pool : pools_) pool->admission().set_classes(load_.class_names());
  }
  collector_.on_sent(now_, row);
  set_timeout(slot, arrival);
  if (config_.network) {
    Stream stream(
        {config_.seed, config_.run, Purpose::network, index(id) | std::uint64_t{1} << 63});
    const Duration to_gateway = draw(stream, spread_of(config_.network->client_to_gateway));
    row.to_gateway = to_gateway;
    row.to_replica = draw(stream, spread_of(config_.network->gateway_to_replica));
    row.return_delay = draw(stream, spread_of(config_.network->replica_to_client));
    queue_.push(now_ + to_gateway, EventClass::gateway, index(slot));
  } else {
    gateway(slot);
  }
  next_send_ = load_.peek();
  return {};
}

RoutedRequest Run::routed(SlotId slot) const {
  const RequestRow& row = table_[slot];
  return {row.record.id, row.record.prompt_tokens, row.session,
          caching_ ? &table_.content(slot) : nullptr};
}

// One that comes back after its replica died has been let in already, but waits only where there is
// room to wait; one whose prompt is complete always does.
void Run::gateway(SlotId slot) {
  RequestRow& row = table_[slot];
  if (row.abort_at <= now_) return settle_cancelled(slot);
  if (pools_.size() > 1 && row.stage != RequestRow::Stage::decode) choose_pool(row);
  Pool& pool = pool_of(row);
  row.at_gateway = now_;
  row.record.pool = row.pool;
  tell(RequestStop::What::gateway, slot);
  const bool first = row.retries == 0 && row.stage != RequestRow::Stage::decode;
  if (first) {
    if (changes_) pool.count_arrival(now_);
    if (!pool.admission().admits(now_, row.record.request_class, pool.in_flight + pool.queued,
                                 pool.count(Life::ready)))
      return answer(slot, RequestStatus::shed);
  }
  const bool again = row.retries > 0;  // it has waited for its turn before
  if ((pool.queued == 0 || again) && try_assign(pool, slot)) {
    if (changes_) observe(pool);
    return;
  }
  if (row.stage != RequestRow::Stage::decode && !pool.admission().may_wait(pool.queued))
    return answer(slot, RequestStatus::shed);
  row.place = RequestRow::Place::queued;
  if (again)
    pool.queue().push_front({slot, row.record.id});
  else
    pool.queue().push_back({slot, row.record.id});
  ++pool.queued;
  collector_.on_gateway(1);
  if (changes_) observe(pool);
}

bool Run::try_assign(Pool& pool, SlotId slot) {
  // Steps that end now count before requests that are routed now.
  if (pool.board().looks_live())
    for (const std::uint32_t place : pool.board().members())
      if (pool[place].replica) reach(pool[place].id);
  pool.board().look(now_);
  const RoutedRequest request = routed(slot);
  const std::optional<std::uint32_t> place = pool.pick(request, now_);
  if (place) assign(pool, *place, slot, request);
  return place.has_value();
}

void Run::assign(Pool& pool, std::uint32_t place, SlotId slot, const RoutedRequest& request) {
  RequestRow& row = table_[slot];
  Member& member = pool[place];
  row.place = RequestRow::Place::coming;
  row.assigned = row.counted = true;
  row.member = place;
  row.record.replica = member.id;
  row.keeps_kv = keeps_kv(row);
  tell(RequestStop::What::assigned, slot);
  ++member.resident;
  ++pool.in_flight;
  pool.board().change(now_, place, 1, row.record.prompt_tokens);
  pool.router().on_sent(request, place, now_);
  if (row.stage == RequestRow::Stage::decode) return begin_move(slot);
  if (pool.direct) {
    row.record.ingress = now_;
    visible(slot);
  } else {
    queue_.push(now_ + delay_to_replica(row), EventClass::ingress, index(slot));
  }
}

void Run::pump(Pool& pool) {
  while (pool.queued > 0) {
    const Waiting next = pool.queue().front();
    RequestRow& row = table_[next.slot];
    const bool still = row.live && row.record.id == next.id &&
                       row.place == RequestRow::Place::queued && row.pool == pool.number();
    if (still) {
      if (!try_assign(pool, next.slot)) return;
      --pool.queued;
      collector_.on_gateway(-1);
      collector_.on_left_gateway(row, now_ - row.at_gateway);
    }
    (void)pool.queue().pop_front();
  }
}

Duration Run::delay_to_replica(const RequestRow& row) const {
  const models::FrontEnd& f = pools_[row.pool]->config().replica.front_end;
  if (f.jitter_mean_s <= 0) return row.to_replica + Duration::from_seconds(f.client_in_s);
  Stream stream({config_.seed, config_.run, Purpose::network, index(row.record.id)});
  return row.to_replica +
         Duration::from_seconds(f.client_in_s + draw_exponential(stream, f.jitter_mean_s));
}

void Run::ingress(SlotId slot) {
  RequestRow& row = table_[slot];
  Member& to = member(row.record.replica);
  if (finds_nobody(row, to)) return strand(pool_of(row), row.member, slot);
  if (row.stage != RequestRow::Stage::decode) row.record.ingress = now_;
  if (to.replica->in_span() && to.replica->advance(now_) == now_) reach(to.id);
  queue_.push(to.replica->ingress(now_, row.record.prompt_tokens), EventClass::visible,
              index(slot));
}

void Run::visible(SlotId slot) {
  RequestRow& row = table_[slot];
  if (row.abort_at <= now_) return settle_cancelled(slot);
  Member& to = member(row.record.replica);
  if (finds_nobody(row, to)) return strand(pool_of(row), row.member, slot);
  if (!to.replica->accepts(row)) return answer(slot, RequestStatus::rejected);
  reach(to.id);
  row.seq = to.replica->enqueue(slot, caching_ ? table_.content(slot) : Content{}, now_);
  row.place = RequestRow::Place::in_engine;
  tell(RequestStop::What::seen, slot);
  if (row.gave_up != SimTime::never()) to.replica->stop_measuring(row.seq);
  wake(to);
}

// Without tokens. Takes at least 1 ms: a client that sends again at once cannot do so faster, and
// does not stop the clock.
void Run::answer(SlotId slot, RequestStatus status) {
  RequestRow& row = table_[slot];
  row.place = RequestRow::Place::left;
  row.record.status = status;
  const models::FrontEnd& f = pools_[row.pool]->config().replica.front_end;
  const Duration way = Duration::from_seconds(f.client_out_s) + row.return_delay;
  row.record.finish = now_ + std::max(kFastestRefusal, way);
  if (row.gave_up != SimTime::never()) return settle_cancelled(slot);
  queue_.push(row.record.finish, EventClass::client_done, index(slot));
}

void Run::wake(Member& member) {
  if (!member.replica->wants_batch()) return;
  await_batch(member.id, now_);
}

void Run::form_batch(ReplicaId id) {
  const Replica::Next next = replica(id).form_batch(now_);
  if (next.what == Replica::Next::What::form_batch)
    await_batch(id, next.at);
  else if (next.what == Replica::Next::What::step_done)
    await_results(id, next.at);
}

void Run::reach(ReplicaId id) {
  Replica& at = replica(id);
  if (!at.in_span()) return;
  const SimTime due = at.interrupt(now_);
  if (due == now_)
    step_done(id, false);
  else
    await_results(id, due);
}

void Run::step_done(ReplicaId id, bool own_event) {
  Replica& at = replica(id);
  if (const SimTime due = at.results_due(now_); due > now_) return await_results(id, due);
  const auto& departures = at.finish_step(now_);
  if (Router& router = pools_[seats_[index(id)].pool]->router(); router.wants_first_tokens())
    for (const SlotId slot : at.first_tokens())
      if (table_[slot].counted) router.on_first_token(routed(slot), table_[slot].member, now_);
  for (const Replica::Departure& departure : departures) {
    RequestRow& row = table_[departure.slot];
    if (row.stage == RequestRow::Stage::prefill && !complete_after_prefill(row)) {
      hand_over(departure.slot);
      continue;
    }
    row.place = RequestRow::Place::left;
    if (row.gave_up == SimTime::never())
      queue_.push(departure.at, EventClass::client_done, index(departure.slot));
    else
      settle_cancelled(departure.slot);
  }
  for (const SlotId slot : at.aborted()) settle_cancelled(slot);
  if (!departures.empty() || !at.aborted().empty()) serve_awaiting(member(id));
  // Forming a batch comes last in its instant: at once, if nothing else is to happen in it.
  const bool alone = own_event && !config_.exact_steps && next_send_ > now_ && drained_.empty() &&
                     clock_.nothing_now() && (queue_.empty() || queue_.next().at() > now_);
  if (!at.wants_batch()) return;
  if (alone)
    form_batch(id);
  else
    await_batch(id, now_);
}

void Run::client_done(SlotId slot) {
  collector_.on_ended(now_, table_[slot]);
  remove(slot);
  end_at_client(slot);
}

void Run::remove(SlotId slot) {
  unassign(table_[slot]);
  table_.remove(slot);
  --present_;
}

void Run::uncount(SlotId slot) {
  RequestRow& row = table_[slot];
  if (!row.counted) return;
  row.counted = false;
  Pool& pool = pool_of(row);
  --pool.in_flight;
  pool.board().change(now_, row.member, -1, -std::int64_t{row.record.prompt_tokens});
  pool.router().on_ended(routed(slot), row.member, now_);
}

void Run::unassign(RequestRow& row) {
  if (!row.assigned) return;
  row.assigned = false;
  Member& member = pool_of(row)[row.member];
  if (--member.resident == 0 && member.life == Life::draining)
    drained_.push_back({row.pool, row.member});
}

void Run::end_at_client(SlotId slot) {
  Pool& pool = pool_of(table_[slot]);
  uncount(slot);
  if (pool.queued > 0) pump(pool);
  if (changes_) observe(pool);
  load_.on_finished(table_[slot].record.id, now_);
  next_send_ = load_.peek();
  EPH_ASSERT(next_send_ >= now_, "a load sends at {} ns what was released at {} ns", next_send_.ns,
             now_.ns);
}

}  // namespace eph::sim
