#pragma once
// Transfers between GPUs that share links: a fluid model with max-min fair rates.
#include <cstdint>
#include <span>
#include <vector>

#include "core/time.h"
#include "core/units.h"
#include "models/topology/cluster.h"

namespace eph::sim {

enum class TransferId : std::uint32_t {};  // reused after the transfer was delivered or cancelled

// MODEL, "Transfers": a transfer is cut into as many equal lanes as its wider side has GPUs; lanes
// move together, at the rate of the slowest. All lanes under way share links max-min fairly: no
// transfer can be faster without making one slower that is not faster than it. What leaves the
// links at t is delivered at t + the route's latency.
//
// Contract for an event loop:
//  - call advance(next_event(), out) when the clock gets there; calling it at other times, or
//    late events of an earlier state, does no harm and delivers what is due
//  - next_event() changes with every start, advance and cancel; SimTime::never() when idle
//  - time never goes back; a delivery is at least 1 ns after its start
//  - the same calls give the same nanoseconds; deliveries of one instant are in order of start
// No allocation once it has held as many transfers, as wide, as it ever will. Starting and ending
// costs O(links of the transfer) while none of its links could be full, else work for those that
// share full links with it, directly or through others.
class TransferNetwork {
 public:
  // `cluster` must outlive it.
  explicit TransferNetwork(const models::Cluster& cluster);

  // Moves `bytes` from the GPUs `from` to the GPUs `to`; neither is empty. Lane i of n goes from
  // from[i * |from| / n] to to[i * |to| / n]. `tag` is the caller's.
  TransferId start(std::span<const models::GpuAt> from, std::span<const models::GpuAt> to,
                   Bytes bytes, SimTime now, std::uint32_t tag = 0);

  // When rates next change or something is delivered.
  [[nodiscard]] SimTime next_event() const;

  struct Delivered {
    TransferId id;
    std::uint32_t tag;
    SimTime at;
  };
  // Settles everything until `now` and appends what was delivered by then, in time order.
  void advance(SimTime now, std::vector<Delivered>& delivered);

  // Stops a transfer that was started and neither delivered nor cancelled.
  void cancel(TransferId id, SimTime now);

  [[nodiscard]] std::size_t active() const { return heap_.size() + ready_.size(); }
  // Bytes a second of all lanes together, now; 0 once everything has left.
  [[nodiscard]] double rate(TransferId id) const;
  // Bytes that have not left yet at `now`, which is not before the last call's.
  [[nodiscard]] double remaining(TransferId id, SimTime now) const;
  // Bytes a second over one link that can be full (Cluster::can_fill), now.
  [[nodiscard]] double load(models::LinkId link) const;
  // What this network has moved: bytes that were delivered, transfers that were delivered.
  [[nodiscard]] std::int64_t delivered_bytes() const { return delivered_bytes_; }
  [[nodiscard]] std::int64_t delivered_count() const { return delivered_count_; }
  // Times that rates of several transfers had to be worked out together.
  [[nodiscard]] std::int64_t fillings() const { return fillings_; }

 private:
  using Slot = std::uint32_t;
  enum class State : std::uint8_t { free, flowing, on_its_way, ready };

  struct Use {
    models::LinkId link = 0;
    std::uint32_t lanes = 0;     // of the transfer over this link
    std::uint32_t position = 0;  // in the link's riders
  };
  struct Transfer {
    std::vector<Use> uses;
    double left = 0;         // bytes of one lane, at `settled`
    double rate = 0;         // bytes/s of one lane
    std::int64_t bound = 0;  // bytes/s of one lane, alone on its links
    std::int64_t bytes = 0;
    std::uint64_t order = 0;  // of start
    std::uint64_t visit = 0;
    SimTime started, settled, due;  // due: off the links, or delivered
    Duration latency;
    std::uint32_t lanes = 1, tag = 0, heap_at = 0;
    State state = State::free;
    bool open = false;  // its rate is not settled, while filling
  };
  struct Rider {
    Slot slot = 0;
    std::uint32_t use = 0;  // index in the transfer's uses
  };
  struct LinkState {
    std::vector<Rider> riders;
    std::int64_t asked = 0;  // sum of lanes x bound: only above the capacity the link could be full
    std::int64_t open_lanes = 0;  // whose rates are not settled, while filling
    double used = 0;              // by those whose rates are
    std::uint64_t visit = 0;
  };
  struct Level {
    double rate = 0;
    std::uint32_t index = 0;  // of a link or a transfer
    bool of_transfer = false;
  };

  void route(Transfer& transfer, std::span<const models::GpuAt> from,
             std::span<const models::GpuAt> to);
  void join_links(Slot slot);
  void leave_links(Slot slot);
  void settle(SimTime now);
  [[nodiscard]] bool could_be_full(models::LinkId link) const;
  void refill();
  void visit(Slot slot);
  void fill();
  void fill_link(models::LinkId link, double rate);
  void freeze(Slot slot, double rate);
  void push_level(const Level& level);
  void set_rate(Slot slot, double rate);
  [[nodiscard]] Transfer& at(TransferId id) { return transfers_[static_cast<Slot>(id)]; }
  [[nodiscard]] const Transfer& at(TransferId id) const {
    return transfers_[static_cast<Slot>(id)];
  }
  void release(Slot slot);
  // An indexed binary heap of slots by (due, order).
  [[nodiscard]] bool before(Slot a, Slot b) const;
  void heap_push(Slot slot);
  void heap_fix(Slot slot);
  void heap_remove(Slot slot);
  void heap_set(std::size_t at, Slot slot);

  const models::Cluster* cluster_;
  std::vector<Transfer> transfers_;
  std::vector<Slot> free_;
  std::vector<LinkState> links_;
  std::vector<Slot> heap_;
  std::vector<Delivered> ready_;  // delivered and not yet told
  // Of one filling: where to begin, transfers whose rates may change, links that could be full,
  // what fills next.
  std::vector<Slot> seeds_, component_;
  std::vector<models::LinkId> full_;
  std::vector<Level> levels_;
  std::uint64_t next_order_ = 0, visit_ = 0;
  SimTime now_;
  std::int64_t delivered_bytes_ = 0, delivered_count_ = 0, fillings_ = 0;
};

}  // namespace eph::sim
