// Replicas that break, and what becomes of their requests.
#include <algorithm>

#include "core/distributions.h"
#include "sim/run.h"

namespace eph::sim {
namespace {

// Streams of faults: what breaks, and which time.
std::uint64_t fault_entity(std::uint32_t pool, std::uint64_t kind, std::uint64_t number) {
  return std::uint64_t{pool} << 56 | kind << 52 | number;
}
enum : std::uint64_t { kGpuDraw, kNodeDraw, kZoneDraw, kReclaimDraw, kSlowDraw };

const FailureRate& rate_of(const FaultOptions& faults, FaultKind kind) {
  return kind == FaultKind::gpu ? faults.gpu : kind == FaultKind::node ? faults.node : faults.zone;
}

}  // namespace

void Run::open_faults(Pool& pool) {
  const FaultOptions& faults = pool.config().faults;
  for (std::uint32_t i = 0; i < faults.outages.size(); ++i)
    plan_event(faults.outages[i].at,
               {.kind = FleetEvent::Kind::outage, .pool = pool.number(), .number = i});
  for (std::uint32_t i = 0; i < faults.stragglers.size(); ++i) {
    const Straggler& s = faults.stragglers[i];
    FleetEvent event{.kind = FleetEvent::Kind::slow, .pool = pool.number(), .number = i};
    event.begins = true;
    plan_event(s.from, event);
    event.begins = false;
    if (s.to != SimTime::never()) plan_event(s.to, event);
  }
  // Machines belong to no pool: the first one's clocks are theirs.
  if (placement_ && pool.number() > 0) return;
  const int zones = placement_ ? config_.machines->zones : pool.config().places.zones;
  if (faults.zone.mtbf > Duration::zero())
    for (int zone = 0; zone < zones; ++zone)
      plan_domain_fault(pool, FaultKind::zone, static_cast<std::uint32_t>(zone));
  if (placement_ && faults.node.mtbf > Duration::zero())
    for (int node = 0; node < config_.machines->nodes; ++node)
      plan_domain_fault(pool, FaultKind::node, static_cast<std::uint32_t>(node));
}

void Run::fault_event(Pool& pool, const FleetEvent& event) {
  using enum FleetEvent::Kind;
  const FaultOptions& faults = pool.config().faults;
  const auto concerns = [&](Life life) {
    const Member& member = pool[event.number];
    return member.incarnation == event.incarnation && member.life == life;
  };
  switch (event.kind) {
    case gpu_fault:
      if (concerns(Life::ready) || concerns(Life::draining))
        this->domain_fault(pool, FaultKind::gpu, event.number, faults.gpu.repair);
      return;
    case domain_fault: {
      const auto kind = static_cast<FaultKind>(event.domain);
      this->domain_fault(pool, kind, event.number, rate_of(faults, kind).repair);
      return plan_domain_fault(pool, kind, event.number);
    }
    case outage: {
      const Outage& one = faults.outages[event.number];
      if (!this->domain_fault(pool, one.kind, one.number, one.repair))
        collector_.on_aimless_fault();
      return;
    }
    case repaired_node:
      return this->repaired_node(event.number);
    case noticed:
      if (concerns(Life::dead)) notice_death(pool, event.number);
      return;
    case repaired:
      pool[event.number].broken = false;
      return reconcile(pool);
    case reclaim_notice: {
      if (!concerns(Life::ready)) return;
      ++pool.summary.reclaims;
      plan_event(now_ + faults.reclaim_notice, {.kind = reclaim,
                                                .pool = pool.number(),
                                                .number = event.number,
                                                .incarnation = event.incarnation});
      retire(pool, event.number);
      return reconcile(pool);
    }
    case reclaim:
      if (!concerns(Life::draining)) return;
      return end_by_plan(pool, event.number);
    case slow: {
      const Straggler& s = faults.stragglers[event.number];
      if (s.replica >= pool.members().size()) return;
      Member& member = pool[s.replica];
      if (!member.replica) return;
      reach(member.id);
      member.replica->set_slowdown(event.begins ? s.factor : member.slowdown);
      return;
    }
    default:
      EPH_ASSERT(false, "fleet event {}", static_cast<int>(event.kind));
  }
}

// The clocks of its own GPUs, of spot capacity, and of its node.
void Run::expose(Pool& pool, std::uint32_t place) {
  const FaultOptions& faults = pool.config().faults;
  Member& member = pool[place];
  member.slowdown = 1;
  const std::uint64_t life = std::uint64_t{place} << 24 | (member.incarnation & 0xffffffU);
  const auto stream = [&](std::uint64_t kind) {
    return Stream(
        {config_.seed, config_.run, Purpose::faults, fault_entity(pool.number(), kind, life)});
  };
  const auto plan = [&](FleetEvent::Kind kind, std::uint64_t draw, double mean_s) {
    Stream draws = stream(draw);
    const double s = std::min(1e9, draw_exponential(draws, mean_s));
    plan_event(
        now_ + Duration::from_seconds(s),
        {.kind = kind, .pool = pool.number(), .number = place, .incarnation = member.incarnation});
  };
  if (faults.gpu.mtbf > Duration::zero())
    plan(FleetEvent::Kind::gpu_fault, kGpuDraw, faults.gpu.mtbf.seconds() / pool.config().gpus);
  if (faults.reclaims_per_hour > 0)
    plan(FleetEvent::Kind::reclaim_notice, kReclaimDraw, 3600 / faults.reclaims_per_hour);
  if (faults.straggler_share > 0) {
    Stream draws = stream(kSlowDraw);
    if (draws.unit() < faults.straggler_share) member.slowdown = faults.straggler_factor;
  }
  for (const Straggler& s : faults.stragglers)
    if (s.replica == place && s.from <= now_ && now_ < s.to) member.slowdown = s.factor;
  if (member.slowdown != 1) member.replica->set_slowdown(member.slowdown);
  if (faults.node.mtbf <= Duration::zero() || placement_) return;
  const std::uint32_t node = pool.node_of(place);
  for (; pool.nodes_exposed <= node; ++pool.nodes_exposed)
    plan_domain_fault(pool, FaultKind::node, pool.nodes_exposed);
}

void Run::plan_domain_fault(Pool& pool, FaultKind kind, std::uint32_t number) {
  const std::uint64_t draw = kind == FaultKind::node ? kNodeDraw : kZoneDraw;
  Stream stream({config_.seed, config_.run, Purpose::faults,
                 fault_entity(pool.number(), draw, faults_[pool.number()]++)});
  const double mean = rate_of(pool.config().faults, kind).mtbf.seconds();
  FleetEvent event{.kind = FleetEvent::Kind::domain_fault, .pool = pool.number(), .number = number};
  event.domain = static_cast<std::uint8_t>(kind);
  plan_event(now_ + Duration::from_seconds(std::min(1e9, draw_exponential(stream, mean))), event);
}

bool Run::domain_fault(Pool& pool, FaultKind kind, std::uint32_t number, Duration repair) {
  if (placement_) return machine_fault(pool, kind, number, repair);
  bool hit = false;
  for (std::uint32_t place = 0; place < pool.members().size(); ++place) {
    const bool concerned = kind == FaultKind::gpu    ? place == number
                           : kind == FaultKind::node ? pool.node_of(place) == number
                                                     : pool.zone_of(place) == number;
    if (!concerned) continue;
    const Life life = pool[place].life;
    hit = hit || (life != Life::off && life != Life::dead);
    kill(pool, place, repair);
  }
  return hit;
}

void Run::note_aimless_faults() {
  for (const auto& pool : pools_) {
    for (const Straggler& s : pool->config().faults.stragglers)
      if (s.from <= now_ && s.replica >= pool->members().size()) collector_.on_aimless_fault();
    if (!pool->upgrading) continue;
    for (std::uint32_t place = 0; place < pool->old_starts.size(); ++place) {
      const Life life = (*pool)[place].life;
      if (pool->is_old(place) && (life == Life::starting || life == Life::ready))
        ++pool->summary.old_replicas;
    }
  }
}

// Whatever stands there. Without replacement the place stays empty until the repair, and so it does
// where machines are counted.
void Run::kill(Pool& pool, std::uint32_t place, Duration repair) {
  const FaultOptions& faults = pool.config().faults;
  Member& member = pool[place];
  const bool stays_empty = !faults.replace || pool.config().places.capacity > 0;
  if (stays_empty && repair > Duration::zero() && !member.broken) {
    member.broken = true;
    plan_event(now_ + repair,
               {.kind = FleetEvent::Kind::repaired, .pool = pool.number(), .number = place});
  }
  if (member.life == Life::off || member.life == Life::dead) return;
  ++pool.summary.deaths;
  if (member.replica) {
    reach(member.id);
    dead_requests_.clear();
    member.replica->die(now_, dead_requests_);
    take_down(member);
    for (const SlotId slot : dead_requests_) {
      table_[slot].place = RequestRow::Place::coming;
      member.stranded.push_back(slot);
    }
  }
  for (; !member.awaiting.empty(); (void)member.awaiting.pop_front())
    member.stranded.push_back(member.awaiting.front());
  clock_.clear(member.id);
  pool.set_life(place, Life::dead, now_);
  note_capacity();
  plan_event(now_ + faults.detection, {.kind = FleetEvent::Kind::noticed,
                                       .pool = pool.number(),
                                       .number = place,
                                       .incarnation = member.incarnation});
}

// A request meets a dead replica, or the empty place of one.
void Run::strand(Pool& pool, std::uint32_t place, SlotId slot) {
  Member& member = pool[place];
  if (member.life == Life::dead) {
    table_[slot].place = RequestRow::Place::coming;
    member.stranded.push_back(slot);
  } else {
    give_back(slot);
  }
}

void Run::end_by_plan(Pool& pool, std::uint32_t place) {
  kill(pool, place, Duration::zero());
  notice_death(pool, place);
}

void Run::notice_death(Pool& pool, std::uint32_t place) {
  pool.set_life(place, Life::off, now_);
  vacate(pool, place);
  note_capacity();
  std::vector<SlotId> stranded;
  stranded.swap(pool[place].stranded);
  reconcile(pool);
  for (const SlotId slot : stranded) give_back(slot);
  observe(pool);
}

void Run::give_back(SlotId slot) {
  RequestRow& row = table_[slot];
  const FaultOptions& faults = pool_of(row).config().faults;
  tell(RequestStop::What::given_back, slot);
  drop_room(row);
  uncount(slot);
  unassign(row);
  let_go_of_source(row);
  if (row.stage == RequestRow::Stage::decode)
    collector_.on_work_lost(row.moved_tokens, row.tokens_before);
  RequestRecord& r = row.record;
  r.ingress = r.engine_queued = r.engine_scheduled = r.engine_first_token = r.engine_finish =
      r.first_left = r.last_left = r.first_token = r.finish = SimTime::never();
  r.output_tokens = r.cached_tokens = 0;
  row.stage = RequestRow::Stage::whole;
  row.keeps_kv = false;
  row.moved_tokens = row.tokens_before = 0;
  row.kv_gone = false;
  if (row.gave_up != SimTime::never()) return settle_cancelled(slot);
  if (faults.lost_work == LostWork::lose || row.retries >= faults.max_retries)
    return answer(slot, RequestStatus::lost);
  ++row.retries;
  ++r.retries;
  collector_.on_retry();
  row.place = RequestRow::Place::sent;
  if (faults.retry_delay > Duration::zero())
    queue_.push(now_ + faults.retry_delay, EventClass::gateway, index(slot));
  else
    gateway(slot);
}

}  // namespace eph::sim
