#pragma once
// The state of one run and its event loop. Simulation's inside: nobody else includes this.
#include <deque>
#include <memory>
#include <vector>

#include "sim/autoscale/dynamo.h"
#include "sim/collector.h"
#include "sim/event_queue.h"
#include "sim/fleet/fleet_events.h"
#include "sim/fleet/pool.h"
#include "sim/replica_clock.h"
#include "sim/request_table.h"
#include "sim/simulation.h"
#include "sim/transfer/transfer_network.h"

namespace eph::sim {

// A request's way: sent -> gateway -> replica's API server -> scheduler -> engine -> client. It
// waits in the gateway while no replica can take it, and comes back there when its replica dies.
//
// In run.cc: the loop. run_requests.cc: the way there and back. run_clients.cc: clients that give
// up. run_fleet.cc: replicas that come and go. run_faults.cc: those that break. run_machines.cc:
// nodes that they are placed on.
class Run {
 public:
  Run(const SimulationConfig& config, workload::Load& load, const RunOptions& options);
  Result<RunSummary> go();

 private:
  struct Seat {
    std::uint32_t pool = 0, place = 0;
    Replica* replica = nullptr;  // the member's, for those who need no more of it
  };

  // --- the loop ---
  Event next_of_replicas();
  void dispatch(const Event& event);
  bool carry_on();
  void sample_series();  // up to now_
  [[nodiscard]] bool stalled() const;
  [[nodiscard]] bool overtaken(const Event& event) const;
  RunSummary stop();

  // --- requests ---
  Result<void> check_arrival(const workload::Arrival& arrival) const;
  Result<void> send();
  void draw_network(RequestRow& row);
  void gateway(SlotId slot);
  void shed(SlotId slot);
  [[nodiscard]] bool try_assign(Pool& pool, SlotId slot);
  void assign(Pool& pool, std::uint32_t place, SlotId slot, const RoutedRequest& request);
  void pump(Pool& pool);  // the gateway's queue moves on
  [[nodiscard]] Duration delay_to_replica(const RequestRow& row) const;
  void ingress(SlotId slot);
  void visible(SlotId slot);
  void answer(SlotId slot, RequestStatus status);
  void form_batch(ReplicaId replica);
  void wake(Member& member);
  void step_done(ReplicaId replica, bool own_event = true);
  void reach(ReplicaId replica);  // before anything that looks at it or changes it
  void client_done(SlotId slot);
  void end_at_client(SlotId slot);
  void uncount(SlotId slot);       // the gateway no longer sees it in flight
  void unassign(RequestRow& row);  // its replica has nothing to do with it any more
  void remove(SlotId slot);
  [[nodiscard]] RoutedRequest routed(SlotId slot) const;

  // --- several pools (run_pools.cc) ---
  void open_pools();
  [[nodiscard]] bool allows(const Pool& pool, const RequestRow& row) const;
  void choose_pool(RequestRow& row);
  [[nodiscard]] Result<void> check_classes() const;
  [[nodiscard]] bool complete_after_prefill(const RequestRow& row) const;
  [[nodiscard]] bool keeps_kv(const RequestRow& row) const;
  [[nodiscard]] bool source_lives(const RequestRow& row);
  void let_go_of_source(RequestRow& row);  // its KV has been read, or will never be
  void hand_over(SlotId slot);             // its prompt is complete: to a decode worker
  void start_transfer(SlotId slot);
  void begin_move(SlotId slot);     // once the decode worker has blocks for it
  void serve_awaiting(Member& to);  // of which some may be free now
  void drop_room(RequestRow& row);  // what was to come will not
  // Nobody is there, or another life of its replica than the one that has blocks for it.
  [[nodiscard]] static bool finds_nobody(const RequestRow& row, const Member& to) {
    return !to.replica || (row.has_room && to.incarnation != row.room_life);
  }
  void lease_out(SlotId slot);  // its KV, from now on
  void end_leases();
  void settle_transfers();
  void plan_workers();
  [[nodiscard]] FleetLoad load_of_workers();
  void watch_transfers();
  [[nodiscard]] std::span<const models::GpuAt> gpus_of(Pool& pool, std::uint32_t place);

  // --- clients ---
  void set_timeout(SlotId slot, const workload::Arrival& arrival);
  void timeout(SlotId slot);
  void hung_up(SlotId slot);
  void settle_cancelled(SlotId slot);

  // --- fleet ---
  void open_fleet();
  std::uint32_t add_place(Pool& pool);
  void fleet_event(const FleetEvent& event);
  void settle(const FleetEvent& event);
  void plan_event(SimTime at, const FleetEvent& event);
  void observe(Pool& pool);
  void decide(Pool& pool);
  void reconcile(Pool& pool);
  void upgrade_on(Pool& pool);
  [[nodiscard]] bool start_replica(Pool& pool);  // false: there is no place
  void come_up(Pool& pool, std::uint32_t place);
  void retire(Pool& pool, std::uint32_t place);  // starting: stops; ready: drains
  void stop_drained();
  void turn_off(Pool& pool, std::uint32_t place);
  void take_down(Member& member);
  void note_capacity();

  // --- faults ---
  void open_faults(Pool& pool);
  void fault_event(Pool& pool, const FleetEvent& event);
  void expose(Pool& pool, std::uint32_t place);  // a replica that just came up may break
  void plan_domain_fault(Pool& pool, FaultKind kind, std::uint32_t number);
  // False: nothing stood there.
  bool domain_fault(Pool& pool, FaultKind kind, std::uint32_t number, Duration repair);
  void kill(Pool& pool, std::uint32_t place, Duration repair);
  void end_by_plan(Pool& pool, std::uint32_t place);  // a death that is no surprise
  void notice_death(Pool& pool, std::uint32_t place);
  void give_back(SlotId slot);  // by the gateway: its replica has died
  void strand(Pool& pool, std::uint32_t place, SlotId slot);
  void note_aimless_faults();  // at the end of the run

  // --- machines ---
  void open_machines();
  [[nodiscard]] std::optional<models::Allocation> find_machine(Pool& pool);
  void vacate(Pool& pool, std::uint32_t place);
  void use_freed_room();
  void note_machines();
  void put_out(std::uint32_t node, Duration repair);
  void repaired_node(std::uint32_t node);
  bool machine_fault(Pool& pool, FaultKind kind, std::uint32_t number, Duration repair);
  void close_machines();

  void tell(RequestStop::What what, SlotId slot) {
    if (stop_sink_ != nullptr) tell_sink(what, slot);
  }
  void tell_sink(RequestStop::What what, SlotId slot);

  [[nodiscard]] Member& member(ReplicaId id) {
    const Seat& seat = seats_[index(id)];
    return (*pools_[seat.pool])[seat.place];
  }
  // Requires that it is ready or draining.
  [[nodiscard]] Replica& replica(ReplicaId id) { return *seats_[index(id)].replica; }
  // Until something else happens to the replica.
  void await_results(ReplicaId id, SimTime at) { clock_.set(id, at, EventClass::step_done); }
  void await_batch(ReplicaId id, SimTime at) { clock_.set(id, at, EventClass::form_batch); }
  [[nodiscard]] Pool& pool_of(const RequestRow& row) { return *pools_[row.pool]; }

  const SimulationConfig& config_;
  workload::Load& load_;
  const RunOptions& options_;
  EventQueue queue_;
  RequestTable table_;
  Collector collector_;
  MetricsSink* step_sink_;
  MetricsSink* stop_sink_;
  std::vector<std::unique_ptr<Pool>> pools_;
  std::vector<Seat> seats_;  // by replica
  ReplicaClock clock_;       // likewise
  FleetEvents fleet_events_;
  SimTime now_{};
  SimTime next_send_ = SimTime::never();
  SimTime last_request_event_{};
  std::uint64_t sent_ = 0;
  std::uint64_t present_ = 0;  // requests in the table
  std::uint64_t events_ = 0;
  bool caching_ = false;  // somebody looks at what the tokens are
  bool scrapes_ = false;  // a router's picture of engines is as old as its last scrape
  bool changes_ = false;  // replicas may come or go, or the gateway may hold or shed
  std::vector<SlotId> dead_requests_;
  std::vector<PoolRule> rules_;             // by pool
  std::vector<std::vector<bool>> classes_;  // by pool and class: taken
  std::unique_ptr<Dynamo> planner_;         // of prefill and decode workers together
  std::unique_ptr<TransferNetwork> transfers_;
  std::vector<TransferNetwork::Delivered> delivered_;
  struct Lease {
    SlotId slot{};
    RequestId id{};
    SimTime since{};
  };
  Ring<Lease> leases_;  // all as long: the first ends first
  std::vector<models::GpuAt> gpus_;
  std::unique_ptr<models::Placement> placement_;  // of all pools; null: places are anywhere
  std::vector<models::ReplicaShape> shapes_;      // by pool
  std::vector<int> out_;                          // by node: faults that keep it out
  std::vector<int> scattered_;  // by pool: idle GPUs that no replica can use together
  SimTime machines_at_{};
  std::int64_t peak_gpus_ = 0;
  bool room_freed_ = false;
  std::vector<std::uint64_t> faults_;  // draws so far, by pool
  std::vector<Seat> drained_;          // replicas to be looked at when the event is settled
};

}  // namespace eph::sim
