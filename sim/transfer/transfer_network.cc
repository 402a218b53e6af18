#include "sim/transfer/transfer_network.h"

#include <algorithm>
#include <cmath>

#include "core/assert.h"

namespace eph::sim {
namespace {

constexpr double kNoBound = 9e18;  // bytes/s: within one GPU

// So that what left after the duration is at least what was left before.
Duration rounded_up(double seconds) {
  EPH_ASSERT(seconds >= 0 && seconds < 9e9, "a transfer of {} s", seconds);
  return Duration{static_cast<std::int64_t>(std::ceil(seconds * 1e9))};
}

}  // namespace

TransferNetwork::TransferNetwork(const models::Cluster& cluster)
    : cluster_(&cluster), links_(cluster.link_count()) {}

void TransferNetwork::route(Transfer& transfer, std::span<const models::GpuAt> from,
                            std::span<const models::GpuAt> to) {
  transfer.uses.clear();
  transfer.latency = Duration::zero();
  const std::size_t lanes = std::max(from.size(), to.size());
  transfer.lanes = static_cast<std::uint32_t>(lanes);
  double latency_s = 0, bound = kNoBound;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const models::Route route =
        cluster_->route(from[lane * from.size() / lanes], to[lane * to.size() / lanes]);
    latency_s = std::max(latency_s, route.latency_s);
    if (route.count > 0) bound = std::min(bound, route.bytes_per_s);
    for (const models::LinkId link : route.links()) {
      if (!cluster_->can_fill(link)) continue;
      const auto known = std::find_if(transfer.uses.begin(), transfer.uses.end(),
                                      [link](const Use& use) { return use.link == link; });
      if (known != transfer.uses.end())
        ++known->lanes;
      else
        transfer.uses.push_back({link, 1, 0});
    }
  }
  transfer.latency = Duration::from_seconds(latency_s);
  for (const Use& use : transfer.uses)
    bound = std::min(bound, cluster_->bytes_per_s(use.link) / use.lanes);
  transfer.bound = static_cast<std::int64_t>(bound);
}

TransferId TransferNetwork::start(std::span<const models::GpuAt> from,
                                  std::span<const models::GpuAt> to, Bytes bytes, SimTime now,
                                  std::uint32_t tag) {
  EPH_ASSERT(!from.empty() && !to.empty() && bytes.value >= 0,
             "transfer of {} bytes from {} to {} GPUs", bytes.value, from.size(), to.size());
  settle(now);
  if (free_.empty()) {
    free_.push_back(static_cast<Slot>(transfers_.size()));
    transfers_.emplace_back();
  }
  const Slot slot = free_.back();
  free_.pop_back();
  Transfer& t = transfers_[slot];
  route(t, from, to);
  t.bytes = bytes.value;
  t.left = static_cast<double>(bytes.value) / t.lanes;
  t.rate = 0;
  t.order = next_order_++;
  t.tag = tag;
  t.started = t.settled = t.due = now;
  t.state = State::flowing;
  heap_push(slot);
  if (!t.uses.empty() && t.left > 0)
    join_links(slot);
  else
    t.uses.clear();
  refill();
  return TransferId{slot};
}

SimTime TransferNetwork::next_event() const {
  if (!ready_.empty()) return ready_.front().at;
  return heap_.empty() ? SimTime::never() : transfers_[heap_.front()].due;
}

void TransferNetwork::advance(SimTime now, std::vector<Delivered>& delivered) {
  settle(now);
  for (const Delivered& one : ready_) {
    delivered.push_back(one);
    release(static_cast<Slot>(one.id));
  }
  ready_.clear();
}

void TransferNetwork::cancel(TransferId id, SimTime now) {
  settle(now);
  const Slot slot = static_cast<Slot>(id);
  EPH_ASSERT(slot < transfers_.size() && transfers_[slot].state != State::free,
             "transfer {} is not under way", slot);
  Transfer& t = transfers_[slot];
  if (t.state == State::ready) {
    std::erase_if(ready_, [id](const Delivered& one) { return one.id == id; });
    delivered_bytes_ -= t.bytes;
    --delivered_count_;
  } else {
    heap_remove(slot);
    leave_links(slot);
  }
  release(slot);
  refill();
}

double TransferNetwork::rate(TransferId id) const {
  const Transfer& t = at(id);
  return t.state == State::flowing ? t.rate * t.lanes : 0;
}

double TransferNetwork::remaining(TransferId id, SimTime now) const {
  const Transfer& t = at(id);
  if (t.state != State::flowing) return 0;
  return std::max(0.0, t.left - t.rate * (now - t.settled).seconds()) * t.lanes;
}

double TransferNetwork::load(models::LinkId link) const {
  double sum = 0;
  for (const Rider& rider : links_[link].riders) {
    const Transfer& t = transfers_[rider.slot];
    sum += t.uses[rider.use].lanes * t.rate;
  }
  return sum;
}

// Plays drains and deliveries in time order; what is delivered waits in ready_ to be told.
void TransferNetwork::settle(SimTime now) {
  EPH_ASSERT(now >= now_, "INV-2: transfers at {} ns after {} ns", now.ns, now_.ns);
  while (!heap_.empty() && transfers_[heap_.front()].due <= now) {
    const Slot slot = heap_.front();
    Transfer& t = transfers_[slot];
    now_ = t.due;
    if (t.state == State::flowing) {
      leave_links(slot);
      t.state = State::on_its_way;
      t.left = t.rate = 0;
      t.due = std::max(t.due + t.latency, t.started + Duration{1});
      heap_fix(slot);
    } else {
      heap_remove(slot);
      t.state = State::ready;
      delivered_bytes_ += t.bytes;
      ++delivered_count_;
      ready_.push_back({TransferId{slot}, t.tag, now_});
    }
    // All that happens at one instant is filled in once.
    if (heap_.empty() || transfers_[heap_.front()].due > now_) refill();
  }
  now_ = now;
}

bool TransferNetwork::could_be_full(models::LinkId link) const {
  return static_cast<double>(links_[link].asked) > cluster_->bytes_per_s(link);
}

void TransferNetwork::join_links(Slot slot) {
  Transfer& t = transfers_[slot];
  bool contended = false;
  for (std::uint32_t i = 0; i < t.uses.size(); ++i) {
    LinkState& link = links_[t.uses[i].link];
    t.uses[i].position = static_cast<std::uint32_t>(link.riders.size());
    link.riders.push_back({slot, i});
    link.asked += t.uses[i].lanes * t.bound;
    contended = contended || could_be_full(t.uses[i].link);
  }
  if (contended)
    seeds_.push_back(slot);
  else
    set_rate(slot, static_cast<double>(t.bound));
}

void TransferNetwork::leave_links(Slot slot) {
  Transfer& t = transfers_[slot];
  for (const Use& use : t.uses) {
    LinkState& link = links_[use.link];
    const bool contended = could_be_full(use.link);
    link.asked -= use.lanes * t.bound;
    const Rider last = link.riders.back();
    link.riders[use.position] = last;
    transfers_[last.slot].uses[last.use].position = use.position;
    link.riders.pop_back();
    if (!contended) continue;
    for (const Rider& rider : link.riders) seeds_.push_back(rider.slot);
  }
  t.uses.clear();
}

// New rates for the seeds and all that share a link that could be full with them, directly or
// through others.
void TransferNetwork::refill() {
  if (seeds_.empty()) return;
  ++visit_;
  component_.clear();
  full_.clear();
  for (const Slot slot : seeds_) visit(slot);
  seeds_.clear();
  for (std::size_t next = 0; next < component_.size(); ++next) {
    for (const Use& use : transfers_[component_[next]].uses) {
      LinkState& link = links_[use.link];
      if (link.visit == visit_ || !could_be_full(use.link)) continue;
      link.visit = visit_;
      full_.push_back(use.link);
      for (const Rider& rider : link.riders) visit(rider.slot);
    }
  }
  fill();
}

void TransferNetwork::visit(Slot slot) {
  Transfer& t = transfers_[slot];
  if (t.visit == visit_ || t.state != State::flowing) return;
  t.visit = visit_;
  component_.push_back(slot);
}

// Progressive filling (Bertsekas, Gallager: Data Networks, 6.5.2): all open lanes grow at the same
// pace; when a link is full, or a transfer as fast as its links allow it alone, those lanes stop.
// A link's level only rises when lanes stop elsewhere, so a level that is out of date is put back.
void TransferNetwork::fill() {
  ++fillings_;
  levels_.clear();
  for (const models::LinkId id : full_) {
    LinkState& link = links_[id];
    link.used = 0;
    link.open_lanes = 0;
    for (const Rider& rider : link.riders)
      link.open_lanes += transfers_[rider.slot].uses[rider.use].lanes;
    push_level({cluster_->bytes_per_s(id) / static_cast<double>(link.open_lanes), id, false});
  }
  for (const Slot slot : component_) {
    transfers_[slot].open = true;
    push_level({static_cast<double>(transfers_[slot].bound), slot, true});
  }
  const auto later = [](const Level& a, const Level& b) {
    if (a.rate != b.rate) return a.rate > b.rate;
    return a.of_transfer != b.of_transfer ? a.of_transfer : a.index > b.index;
  };
  while (!levels_.empty()) {
    std::pop_heap(levels_.begin(), levels_.end(), later);
    const Level level = levels_.back();
    levels_.pop_back();
    if (level.of_transfer) {
      if (transfers_[level.index].open) freeze(level.index, level.rate);
      continue;
    }
    const LinkState& link = links_[level.index];
    if (link.open_lanes == 0) continue;
    const double room = std::max(1.0, cluster_->bytes_per_s(level.index) - link.used);
    const double rate = room / static_cast<double>(link.open_lanes);
    if (rate > level.rate)
      push_level({rate, level.index, false});
    else
      fill_link(level.index, rate);
  }
}

void TransferNetwork::push_level(const Level& level) {
  levels_.push_back(level);
  std::push_heap(levels_.begin(), levels_.end(), [](const Level& a, const Level& b) {
    if (a.rate != b.rate) return a.rate > b.rate;
    return a.of_transfer != b.of_transfer ? a.of_transfer : a.index > b.index;
  });
}

void TransferNetwork::fill_link(models::LinkId link, double rate) {
  for (const Rider& rider : links_[link].riders)
    if (transfers_[rider.slot].open) freeze(rider.slot, rate);
}

void TransferNetwork::freeze(Slot slot, double rate) {
  Transfer& t = transfers_[slot];
  t.open = false;
  for (const Use& use : t.uses) {
    LinkState& link = links_[use.link];
    if (link.visit != visit_) continue;
    link.used += use.lanes * rate;
    link.open_lanes -= use.lanes;
  }
  set_rate(slot, rate);
}

void TransferNetwork::set_rate(Slot slot, double rate) {
  Transfer& t = transfers_[slot];
  if (rate == t.rate) return;  // its end stays, to the nanosecond
  t.left = std::max(0.0, t.left - t.rate * (now_ - t.settled).seconds());
  t.settled = now_;
  t.rate = rate;
  t.due = now_ + rounded_up(t.left / rate);
  heap_fix(slot);
}

void TransferNetwork::release(Slot slot) {
  transfers_[slot].state = State::free;
  free_.push_back(slot);
}

bool TransferNetwork::before(Slot a, Slot b) const {
  const Transfer &x = transfers_[a], &y = transfers_[b];
  return x.due != y.due ? x.due < y.due : x.order < y.order;
}

void TransferNetwork::heap_set(std::size_t at, Slot slot) {
  heap_[at] = slot;
  transfers_[slot].heap_at = static_cast<std::uint32_t>(at);
}

void TransferNetwork::heap_push(Slot slot) {
  heap_.push_back(slot);
  heap_set(heap_.size() - 1, slot);
  heap_fix(slot);
}

void TransferNetwork::heap_fix(Slot slot) {
  std::size_t hole = transfers_[slot].heap_at;
  while (hole > 0 && before(slot, heap_[(hole - 1) / 2])) {
    heap_set(hole, heap_[(hole - 1) / 2]);
    hole = (hole - 1) / 2;
  }
  for (std::size_t child = 2 * hole + 1; child < heap_.size(); child = 2 * hole + 1) {
    if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
    if (!before(heap_[child], slot)) break;
    heap_set(hole, heap_[child]);
    hole = child;
  }
  heap_set(hole, slot);
}

void TransferNetwork::heap_remove(Slot slot) {
  const std::size_t hole = transfers_[slot].heap_at;
  const Slot last = heap_.back();
  heap_.pop_back();
  if (last == slot) return;
  heap_set(hole, last);
  heap_fix(last);
}

}  // namespace eph::sim
