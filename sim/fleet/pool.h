#pragma once
// One pool: its replicas and their lives, its gateway's queue, and what they add up to.
#include <memory>
#include <optional>
#include <vector>

#include "sim/autoscale/autoscaler.h"
#include "sim/config.h"
#include "sim/fleet/admission_control.h"
#include "sim/fleet/fleet_summary.h"
#include "sim/fleet/load_board.h"
#include "sim/replica.h"
#include "sim/ring.h"
#include "sim/router.h"

namespace eph::sim {

// A request in a queue; the slot may have gone to another one since.
struct Waiting {
  SlotId slot{};
  RequestId id{};
};

// off -> starting -> ready -> draining -> off, and from any of the three in between -> dead, until
// its death is noticed. A broken place stays off until it is repaired.
enum class Life : std::uint8_t { off, starting, ready, draining, dead };

struct Member {
  ReplicaId id{};
  Life life = Life::off;
  bool broken = false;
  bool warm_start = false;
  std::uint32_t incarnation = 0;  // counts the starts of this place; what is about another is void
  std::int64_t resident = 0;      // requests assigned to it that are not yet done with
  SimTime began{};                // of the start
  double slowdown = 1;            // drawn at the start
  std::unique_ptr<Replica> replica;  // ready and draining only
  Ring<SlotId> awaiting;             // their KV comes when there are blocks for it
  std::vector<SlotId> stranded;      // requests on a dead one, until that is noticed
  models::Allocation machine;        // where GPUs are placed: its own, from the start on
  bool placed = false;               // until these are free again
};

// Holds the state and the rules that need nothing else; the run's events drive it.
class Pool final : private EngineProbe {
 public:
  Pool(const PoolConfig& config, std::uint32_t number, const StreamKey& draws);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  [[nodiscard]] const PoolConfig& config() const { return config_; }
  [[nodiscard]] std::uint32_t number() const { return number_; }
  [[nodiscard]] std::vector<Member>& members() { return members_; }
  [[nodiscard]] Member& operator[](std::uint32_t place) { return members_[place]; }
  [[nodiscard]] LoadBoard& board() { return board_; }
  [[nodiscard]] Router& router() { return *router_; }
  [[nodiscard]] AdmissionControl& admission() { return admission_; }
  [[nodiscard]] Ring<Waiting>& queue() { return queue_; }
  [[nodiscard]] std::uint32_t node_of(std::uint32_t place) const {
    return place / static_cast<std::uint32_t>(config_.places.replicas_per_node);
  }
  [[nodiscard]] std::uint32_t zone_of(std::uint32_t place) const {
    return node_of(place) % static_cast<std::uint32_t>(config_.places.zones);
  }

  // Where the next request goes; none when nobody can take it. Requires board().look(now).
  [[nodiscard]] std::optional<std::uint32_t> pick(const RoutedRequest& request, SimTime now);

  // --- lives. `now` never goes back ---
  // The lowest place where a replica can start: off and not broken; else a new one, which is told
  // by its number, members().size(). None: all places that there are are taken.
  [[nodiscard]] std::optional<std::uint32_t> free_place() const;
  void set_life(std::uint32_t place, Life life, SimTime now);
  [[nodiscard]] std::int64_t count(Life life) const {
    return counts_[static_cast<std::size_t>(life)];
  }
  [[nodiscard]] std::int64_t live() const { return count(Life::starting) + count(Life::ready); }
  // As far as the controller knows: nobody has noticed the deaths of the dead.
  [[nodiscard]] std::int64_t believed() const { return live() + count(Life::dead); }
  [[nodiscard]] std::int64_t held() const {  // paid for
    return live() + count(Life::draining) + count(Life::dead);
  }
  // Whom the controller stops first: the youngest that starts, else the one with the fewest
  // requests, the highest place of equals. Requires live() > 0.
  [[nodiscard]] std::uint32_t victim() const;
  void add_place(ReplicaId id);
  [[nodiscard]] int warm() const { return warm_; }
  void change_warm(int by, SimTime now);

  // --- scaling ---
  int desired = 0;
  std::unique_ptr<Autoscaler> scaler;
  std::uint32_t nodes_exposed = 0;  // that have a clock of their failures
  bool upgrading = false;
  std::vector<std::uint32_t> old_starts;  // incarnations by place when the upgrade began
  [[nodiscard]] bool is_old(std::uint32_t place) const {
    return place < old_starts.size() && members_[place].incarnation == old_starts[place];
  }

  bool kv_watched = false;     // somebody scales by the KV in use: load() has it exactly
  bool direct = false;         // no front end: an assigned request is visible at once
  std::int64_t in_flight = 0;  // assigned to replicas, not ended at the client
  std::int64_t queued = 0;     // in queue(), those whose clients have gone left out
  Replica::Totals totals;      // of the engines
  [[nodiscard]] FleetLoad load(SimTime now);
  void count_arrival(SimTime now);

  void sample() {  // for the series, in which this instant is the next one
    summary.requests.series.push_back(
        {count(Life::ready), held(), queued, totals.waiting, totals.running});
  }
  bool waits_for_room = false;  // a start has found no machine
  SimTime served_since{};       // since when some replica has been ready
  PoolSummary summary;
  [[nodiscard]] PoolSummary finish(SimTime now);

 private:
  std::optional<EngineLevels> levels(std::uint32_t place, SimTime at) override;
  void advance(SimTime now);

  const PoolConfig& config_;
  std::uint32_t number_;
  std::vector<Member> members_;
  LoadBoard board_;
  std::unique_ptr<Router> router_;
  AdmissionControl admission_;
  Ring<Waiting> queue_;
  std::int64_t counts_[5] = {};
  int warm_ = 0;
  SimTime advanced_{};
  // Arrivals by second, for the rate over `window_` whole seconds.
  void pass_seconds(std::int64_t second);
  std::vector<std::uint32_t> arrivals_;  // window_ + 1 seconds, in turn
  std::int64_t window_ = 1, second_ = 0;
  std::uint64_t in_window_ = 0;
};

}  // namespace eph::sim
