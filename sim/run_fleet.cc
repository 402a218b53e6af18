// Replicas that come and go.
#include <algorithm>

#include "sim/fleet/start_time.h"
#include "sim/run.h"

namespace eph::sim {
namespace {

constexpr int kMostReplicas = 1 << 20;
constexpr int kLaunchBits = 26;  // of a stream's entity: launches of one life of a replica

}  // namespace

void Run::plan_event(SimTime at, const FleetEvent& event) {
  if (at.ns > Event::kMaxNs) return;  // beyond the longest simulated time
  queue_.push(at, EventClass::fleet, fleet_events_.add(event));
}

void Run::open_fleet() {
  faults_.assign(pools_.size(), 0);
  open_machines();
  for (auto& pool : pools_) {
    for (int i = 0; i < pool->config().replicas; ++i) {
      std::optional<models::Allocation> machine;
      if (placement_) {
        machine = find_machine(*pool);
        EPH_ASSERT(machine.has_value(), "replica {} of pool {} was checked to find a machine", i,
                   pool->config().name);
      }
      const std::uint32_t place = add_place(*pool);
      if (machine) (*pool)[place].machine = std::move(*machine);
      (*pool)[place].placed = placement_ != nullptr;
      ++(*pool)[place].incarnation;
      come_up(*pool, place);
    }
    open_faults(*pool);
    if (pool->config().upgrade.at != SimTime::never())
      plan_event(pool->config().upgrade.at,
                 {.kind = FleetEvent::Kind::upgrade, .pool = pool->number()});
    if (!pool->scaler) continue;
    pool->scaler->observe(now_, pool->load(now_));
    plan_event(pool->scaler->next(), {.kind = FleetEvent::Kind::decide, .pool = pool->number()});
  }
  if (!planner_) return;
  planner_->observe(now_, load_of_workers());
  planner_->begin_with(pools_[1]->desired, pools_[0]->desired);
  plan_event(planner_->next(), {.kind = FleetEvent::Kind::plan});
}

std::uint32_t Run::add_place(Pool& pool) {
  const auto place = static_cast<std::uint32_t>(pool.members().size());
  pool.add_place(ReplicaId{static_cast<std::uint32_t>(seats_.size())});
  seats_.push_back({pool.number(), place});
  clock_.add();
  return place;
}

void Run::fleet_event(const FleetEvent& event) {
  settle(event);
  use_freed_room();
}

void Run::settle(const FleetEvent& event) {
  using enum FleetEvent::Kind;
  Pool& pool = *pools_[event.pool];
  switch (event.kind) {
    case decide:
      return this->decide(pool);
    case up: {
      const Member& member = pool[event.number];
      if (member.life != Life::starting || member.incarnation != event.incarnation) return;
      pool.summary.start_time.add(now_ - member.began);
      return come_up(pool, event.number);
    }
    case warm:
      return pool.change_warm(1, now_);
    case drain_over:
      if (pool[event.number].life == Life::draining &&
          pool[event.number].incarnation == event.incarnation)
        end_by_plan(pool, event.number);
      return;
    case upgrade: {
      pool.upgrading = true;
      pool.old_starts.clear();
      for (const Member& member : pool.members())
        pool.old_starts.push_back(member.life == Life::off ? 0 : member.incarnation);
      return reconcile(pool);
    }
    case plan:
      return plan_workers();
    case transfers:
      return settle_transfers();
    case lease:
      return end_leases();
    default:
      return fault_event(pool, event);
  }
}

void Run::observe(Pool& pool) {
  if (pool.scaler) pool.scaler->observe(now_, pool.load(now_));
  if (planner_) planner_->observe(now_, load_of_workers());
}

void Run::decide(Pool& pool) {
  observe(pool);
  ++pool.summary.decisions;
  while (pool.scaler->next() <= now_)
    pool.desired = std::clamp(pool.scaler->decide(now_), 0, kMostReplicas);
  plan_event(pool.scaler->next(), {.kind = FleetEvent::Kind::decide, .pool = pool.number()});
  reconcile(pool);
}

// As many starting and ready replicas as are wanted.
void Run::reconcile(Pool& pool) {
  if (pool.upgrading) upgrade_on(pool);
  if (pool.upgrading) return;
  while (pool.believed() < pool.desired && start_replica(pool)) {
  }
  while (pool.believed() > pool.desired && pool.live() > 0) retire(pool, pool.victim());
}

// Old ones give way to new ones: as many above and below the wanted number as are allowed.
void Run::upgrade_on(Pool& pool) {
  const auto count_old = [&pool](Life life) {
    std::int64_t n = 0;
    for (std::uint32_t place = 0; place < pool.old_starts.size(); ++place)
      n += pool[place].life == life && pool.is_old(place) ? 1 : 0;
    return n;
  };
  const Upgrade& rule = pool.config().upgrade;
  for (;;) {
    const std::int64_t old_ready = count_old(Life::ready), old_starting = count_old(Life::starting);
    if (old_ready + old_starting == 0) {
      pool.upgrading = false;
      return;
    }
    const std::int64_t young = pool.live() - old_ready - old_starting;
    if (young < pool.desired && pool.live() < pool.desired + rule.max_surge && start_replica(pool))
      continue;
    const bool spare = pool.count(Life::ready) > pool.desired - rule.max_unavailable;
    if (old_starting == 0 && !spare) return;
    std::uint32_t place = 0;
    const Life life = old_starting > 0 ? Life::starting : Life::ready;
    while (pool[place].life != life || !pool.is_old(place)) ++place;
    retire(pool, place);
  }
}

bool Run::start_replica(Pool& pool) {
  const std::optional<std::uint32_t> free = pool.free_place();
  if (!free) return false;
  std::optional<models::Allocation> machine;
  if (placement_) {
    machine = find_machine(pool);
    if (!machine) return false;
  }
  const std::uint32_t place = *free == pool.members().size() ? add_place(pool) : *free;
  Member& member = pool[place];
  if (machine) member.machine = std::move(*machine);
  member.placed = placement_ != nullptr;
  ++member.incarnation;
  member.began = now_;
  const StartOptions& start = pool.config().start;
  Stream stream({config_.seed, config_.run, Purpose::cold_start,
                 std::uint64_t{pool.number()} << 56 | pool.summary.starts});
  member.warm_start = pool.warm() > 0;
  const Duration takes = draw_start(stream, start.times, member.warm_start);
  ++pool.summary.starts;
  pool.set_life(place, Life::starting, now_);
  if (member.warm_start) {
    ++pool.summary.warm_starts;
    pool.change_warm(-1, now_);
    plan_event(now_ + draw_node(stream, start.times),
               {.kind = FleetEvent::Kind::warm, .pool = pool.number()});
  }
  note_capacity();
  plan_event(now_ + takes, {.kind = FleetEvent::Kind::up,
                            .pool = pool.number(),
                            .number = place,
                            .incarnation = member.incarnation});
  return true;
}

void Run::come_up(Pool& pool, std::uint32_t place) {
  Member& member = pool[place];
  const StreamKey launches{config_.seed, config_.run, Purpose::launch,
                           std::uint64_t{member.incarnation - 1} << kLaunchBits};
  member.replica =
      std::make_unique<Replica>(member.id, pool.config().replica, table_, collector_, step_sink_,
                                launches, &pool.totals, !config_.exact_steps);
  seats_[index(member.id)].replica = member.replica.get();
  pool.set_life(place, Life::ready, now_);
  note_capacity();
  expose(pool, place);
  if (pool.upgrading) reconcile(pool);
  pump(pool);
  observe(pool);
}

void Run::retire(Pool& pool, std::uint32_t place) {
  const Member& member = pool[place];
  if (member.life == Life::starting) return turn_off(pool, place);
  pool.set_life(place, Life::draining, now_);
  if (member.resident == 0) return turn_off(pool, place);
  note_capacity();
  if (const Duration limit = pool.config().drain_limit; limit > Duration::zero())
    plan_event(now_ + limit, {.kind = FleetEvent::Kind::drain_over,
                              .pool = pool.number(),
                              .number = place,
                              .incarnation = member.incarnation});
}

void Run::stop_drained() {
  for (const Seat seat : drained_) {
    Pool& pool = *pools_[seat.pool];
    const Member& member = pool[seat.place];
    if (member.life != Life::draining || member.resident > 0) continue;
    turn_off(pool, seat.place);
    reconcile(pool);  // its place may have been waited for
  }
  drained_.clear();
  use_freed_room();
}

void Run::take_down(Member& member) {
  seats_[index(member.id)].replica = nullptr;
  member.replica.reset();
}

void Run::turn_off(Pool& pool, std::uint32_t place) {
  Member& member = pool[place];
  if (member.life == Life::draining) ++pool.summary.drained;
  if (member.replica) {
    dead_requests_.clear();
    member.replica->die(now_, dead_requests_);
    EPH_ASSERT(dead_requests_.empty(), "a drained replica has {} requests", dead_requests_.size());
    take_down(member);
  }
  clock_.clear(member.id);
  pool.set_life(place, Life::off, now_);
  vacate(pool, place);
  note_capacity();
}

void Run::note_capacity() {
  Collector::Capacity all;
  for (const auto& pool : pools_) {
    all.ready += pool->count(Life::ready);
    all.held += pool->held();
    all.blocks += (pool->count(Life::ready) + pool->count(Life::draining)) *
                  pool->config().replica.kv.usable_blocks * pool->config().replica.ranks;
  }
  collector_.on_capacity(now_, all);
}

}  // namespace eph::sim
