#include "sim/fleet/pool.h"

#include <algorithm>
#include <utility>

namespace eph::sim {
namespace {

// Rates of requests reach the HPA (and KEDA's) as Prometheus reports them, over a minute; the
// others average by themselves.
std::int64_t rate_window(const PoolConfig& config) {
  if (!config.autoscaler) return 1;
  const auto& policy = config.autoscaler->policy;
  return std::holds_alternative<HpaOptions>(policy) || std::holds_alternative<KedaOptions>(policy)
             ? 60
             : 1;
}

}  // namespace

Pool::Pool(const PoolConfig& config, std::uint32_t number, const StreamKey& draws)
    : desired(config.replicas),
      config_(config),
      number_(number),
      board_(config.routing.staleness),
      router_(make_router(config.router, config.routing, draws)),
      admission_(config.admission),
      warm_(config.start.warm_nodes),
      window_(rate_window(config)) {
  if (router_->wants_tokens()) board_.index_tokens();
  if (router_->wants_levels()) board_.watch(*this);
  if (config.autoscaler) scaler = make_autoscaler(*config.autoscaler);
  summary.name = config.name;
  summary.gpus = config.gpus;
  summary.start_replicas = summary.peak_ready = summary.least_ready = config.replicas;
  arrivals_.assign(static_cast<std::size_t>(window_ + 1), 0);
}

std::optional<EngineLevels> Pool::levels(std::uint32_t place, SimTime at) {
  if (!members_[place].replica) return std::nullopt;
  return members_[place].replica->levels(at);
}

std::optional<std::uint32_t> Pool::pick(const RoutedRequest& request, SimTime now) {
  if (board_.members().empty()) return std::nullopt;
  const std::int64_t most = config_.admission.max_per_replica;
  const auto has_room = [&](std::uint32_t place) {
    return most <= 0 || board_.exact(place).requests < most;
  };
  const std::uint32_t picked = router_->pick(request, board_, now);
  EPH_ASSERT(board_.is_member(picked), "routed to place {}, which is no member", picked);
  if (has_room(picked)) return picked;
  // A full replica refuses: the next one with room takes it.
  const auto& all = board_.members();
  const auto at =
      static_cast<std::size_t>(std::lower_bound(all.begin(), all.end(), picked) - all.begin());
  for (std::size_t i = 1; i < all.size(); ++i)
    if (const std::uint32_t next = all[(at + i) % all.size()]; has_room(next)) return next;
  return std::nullopt;
}

std::optional<std::uint32_t> Pool::free_place() const {
  for (std::uint32_t place = 0; place < members_.size(); ++place)
    if (members_[place].life == Life::off && !members_[place].broken) return place;
  const auto places = static_cast<int>(members_.size());
  if (config_.places.capacity > 0 && places >= config_.places.capacity) return std::nullopt;
  // Broken machines are repaired, not replaced by others.
  if (!config_.faults.replace && places >= std::max(desired, config_.replicas)) return std::nullopt;
  return static_cast<std::uint32_t>(places);
}

void Pool::add_place(ReplicaId id) {
  members_.emplace_back().id = id;
  ++counts_[static_cast<std::size_t>(Life::off)];
}

void Pool::advance(SimTime now) {
  const double s = (now - advanced_).seconds();
  summary.held_s += s * static_cast<double>(held());
  summary.ready_s += s * static_cast<double>(count(Life::ready));
  summary.warm_node_s += s * config_.start.warm_nodes;
  advanced_ = now;
}

void Pool::set_life(std::uint32_t place, Life life, SimTime now) {
  advance(now);
  Member& member = members_[place];
  --counts_[static_cast<std::size_t>(member.life)];
  ++counts_[static_cast<std::size_t>(life)];
  const bool routed = board_.is_member(place);
  if (life == Life::ready && count(Life::ready) == 1) served_since = now;
  member.life = life;
  const std::int64_t ready = count(Life::ready);
  if (now > SimTime::zero()) summary.least_ready = std::min(summary.least_ready, ready);
  summary.peak_ready = std::max(summary.peak_ready, ready);
  // A dead one is believed alive until somebody notices.
  const bool member_now = life == Life::ready || (life == Life::dead && routed);
  if (member_now == routed) return;
  if (member_now)
    board_.add(place);
  else
    board_.remove(place);
  router_->on_members_changed(board_);
  if (!member_now) router_->on_removed(place);
}

std::uint32_t Pool::victim() const {
  std::uint32_t best = 0;
  const Member* chosen = nullptr;
  for (std::uint32_t place = 0; place < members_.size(); ++place) {
    const Member& m = members_[place];
    if (m.life != Life::starting && m.life != Life::ready) continue;
    const bool better = [&] {
      if (chosen == nullptr) return true;
      const bool starts = m.life == Life::starting;
      if (starts != (chosen->life == Life::starting)) return starts;
      if (starts) return m.began >= chosen->began;
      return board_.exact(place).requests <= board_.exact(best).requests;
    }();
    if (!better) continue;
    best = place;
    chosen = &m;
  }
  EPH_ASSERT(chosen != nullptr, "no replica of pool {} can be stopped", config_.name);
  return best;
}

void Pool::change_warm(int by, SimTime now) {
  advance(now);
  warm_ += by;
}

void Pool::pass_seconds(std::int64_t second) {
  const std::int64_t kept = window_ + 1;
  for (std::int64_t steps = 0; second_ < second && steps < kept; ++steps) {
    // The second that ends now enters the window, the oldest leaves it.
    in_window_ += arrivals_[static_cast<std::size_t>(second_ % kept)];
    ++second_;
    std::uint32_t& oldest = arrivals_[static_cast<std::size_t>(second_ % kept)];
    in_window_ -= oldest;
    oldest = 0;
  }
  if (second_ < second) {
    second_ = second;
    in_window_ = 0;
  }
}

void Pool::count_arrival(SimTime now) {
  pass_seconds(now.ns / 1'000'000'000);
  ++arrivals_[static_cast<std::size_t>(second_ % (window_ + 1))];
}

FleetLoad Pool::load(SimTime now) {
  if (kv_watched)
    for (Member& member : members_)
      if (member.replica) member.replica->catch_up(now);
  pass_seconds(now.ns / 1'000'000'000);
  const auto seconds = std::clamp<std::int64_t>(second_, 1, window_);
  const double usable = static_cast<double>(config_.replica.kv.usable_blocks) *
                        config_.replica.ranks * static_cast<double>(count(Life::ready));
  return {static_cast<double>(in_flight - totals.waiting),
          static_cast<double>(queued + totals.waiting),
          static_cast<double>(board_.members().size()),
          static_cast<double>(in_window_) / static_cast<double>(seconds),
          usable > 0 ? std::min(1.0, static_cast<double>(totals.blocks) / usable) : 0.0};
}

PoolSummary Pool::finish(SimTime now) {
  advance(now);
  if (now > SimTime::zero()) summary.mean_ready = summary.ready_s / now.seconds();
  return std::move(summary);
}

}  // namespace eph::sim
