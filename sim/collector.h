#pragma once
// Turns what happens in a run into its RunSummary.
#include "core/digest.h"
#include "sim/backlog_trend.h"
#include "sim/batch_plan.h"
#include "sim/config.h"
#include "sim/horizon_sample.h"
#include "sim/metrics.h"
#include "sim/request_table.h"
#include "sim/simulation.h"

namespace eph::sim {

// Told by the simulation and its replicas, in simulated order. No allocation per token.
class Collector {
  __extension__ typedef __int128 Wide;

 public:
  Collector(const SimulationConfig& config, const RunOptions& options);

  // Names of the classes so far, by number.
  void set_classes(std::span<const std::string> names);
  [[nodiscard]] std::size_t known_classes() const { return summary_.classes.size(); }
  // An objective on a class that no request has.
  [[nodiscard]] Result<void> check_slos() const;

  void on_sent(SimTime now, const RequestRow& row);
  void on_ended(SimTime now, const RequestRow& row);  // finished or rejected, at the client
  void on_timeout_set() { summary_.timeouts = true; }
  void on_gave_up(SimTime now, const RequestRow& row);
  void on_cancelled(RequestRow& row);  // after it gave up: the server is done with it, or the run
  void on_unfinished(SimTime now, const RequestRow& row);
  void on_gap(Duration gap, std::uint64_t count) { summary_.itl.add(gap, count); }
  // Of as many sequences each.
  void on_gaps(std::span<const std::int64_t> ns, std::uint64_t sequences) {
    if (sequences > 0) summary_.itl.add_each(ns, sequences);
  }
  void on_drafts(const DraftCounts& drafts) {
    summary_.counts.verifications += drafts.verifications;
    summary_.counts.draft_tokens += drafts.drafts;
    summary_.counts.accepted_tokens += drafts.accepted;
  }
  void on_preempted(std::uint64_t count) { summary_.counts.preemptions += count; }
  void on_step_end(const BatchPlan& plan);
  void on_step_cut(SimTime start, SimTime now);  // still running when the run stopped
  // Steps of a span: time on the GPU counts from this instant on.
  [[nodiscard]] SimTime busy_from() const { return started_ ? window_start_ : SimTime::never(); }
  void on_busy(std::int64_t ns) { busy_ns_ += ns; }
  void on_span(std::uint64_t steps, std::uint64_t tokens) {
    summary_.counts.steps += steps;
    summary_.counts.scheduled_tokens += tokens;
  }
  // Change of a replica's queues and KV blocks.
  void on_levels(SimTime now, std::int64_t waiting, std::int64_t running, std::int64_t kv_blocks);
  // The fullest replica counts, by its share.
  void on_kv_peak(std::int64_t blocks, std::int64_t usable) {
    if (Wide{blocks} * peak_usable_ <= Wide{peak_blocks_} * usable) return;
    peak_blocks_ = blocks;
    peak_usable_ = usable;
  }
  // Replicas that serve and that are paid for, and the KV blocks of those that work.
  struct Capacity {
    std::int64_t ready = 0, held = 0, blocks = 0;
  };
  void on_capacity(SimTime now, const Capacity& capacity);
  void on_gateway(std::int64_t change) { gateway_ += change; }  // requests that wait there
  void on_left_gateway(const RequestRow& row, Duration waited);
  void on_retry() { ++fleet_.retries; }
  void on_work_lost(std::int64_t prompt_tokens, std::int64_t output_tokens) {
    fleet_.lost_prompt_tokens += static_cast<std::uint64_t>(prompt_tokens);
    fleet_.lost_output_tokens += static_cast<std::uint64_t>(output_tokens);
  }
  void on_never_left_gateway(Duration waited) {
    ++fleet_.never_left;
    fleet_.never_left_wait.add(waited);
  }
  void on_aimless_fault() { ++fleet_.aimless_faults; }
  void on_machines(std::int64_t nodes, std::int64_t gpus, std::int64_t peak) {
    fleet_.nodes = nodes;
    fleet_.gpus = gpus;
    fleet_.peak_gpus = peak;
  }
  void watch_pools(std::size_t pools) { tallies_.resize(pools); }
  void on_handed_over(Duration took, double bytes) {
    ++fleet_.handed_over;
    fleet_.moved_bytes += bytes;
    fleet_.transfer_time.add(took);
  }
  void on_spared(std::int64_t tokens) {
    fleet_.spared_tokens += static_cast<std::uint64_t>(tokens);
  }
  void on_expired_lease() { ++fleet_.expired_leases; }
  void on_pool(PoolSummary&& pool);  // at the end of the run
  void on_event() { ++summary_.counts.events; }

  [[nodiscard]] SimTime next_sample() const { return series_next_; }
  // Emits the series points that are due at or before `now`, with the state before anything at
  // `now`.
  void advance_series(SimTime now) {
    if (series_next_ <= now) emit_series(now);
  }
  [[nodiscard]] std::uint64_t ended() const {
    const RunCounts& c = summary_.counts;
    return c.finished + c.rejected + c.cancelled + c.shed + c.lost;
  }
  [[nodiscard]] RunSummary finish(SimTime now);

 private:
  void emit_series(SimTime now);
  void emit(const RequestRow& row);
  void add_latencies(const RequestRecord& record);
  void count_refused(const RequestRow& row);
  [[nodiscard]] bool good(const RequestRecord& record) const;
  // Null for requests without classes.
  [[nodiscard]] ClassSummary* class_of(const RequestRecord& record) {
    return record.request_class < summary_.classes.size() ? &summary_.classes[record.request_class]
                                                          : nullptr;
  }
  [[nodiscard]] bool concerns(const Slo& slo, const RequestRecord& record) const {
    return slo.request_class.empty() ||
           (record.request_class < summary_.classes.size() &&
            summary_.classes[record.request_class].name == slo.request_class);
  }
  [[nodiscard]] SloOutcome outcome_of(const Slo& slo) const;
  void fill_slos();
  void fill_overload();

  SimulationConfig config_;
  const RunOptions& options_;
  RunSummary summary_;
  Digest digest_;
  BacklogTrend backlog_;
  HorizonSample horizon_;
  bool started_ = false;  // a measured request has been sent
  SimTime window_start_{};
  SimTime levels_at_{};
  std::int64_t waiting_ = 0, running_ = 0, kv_blocks_ = 0, peak_blocks_ = 0, peak_usable_ = 1;
  Wide waiting_ns_ = 0, running_ns_ = 0;
  Capacity capacity_;
  Wide capacity_ns_ = 0;  // of `ready`, since the window began
  SimTime capacity_at_{};
  std::int64_t gateway_ = 0;
  FleetSummary fleet_;
  std::vector<PoolTally> tallies_;  // by pool, where there are several
  std::int64_t busy_ns_ = 0;
  std::uint64_t measured_arrived_ = 0, measured_finished_ = 0, measured_cancelled_ = 0, good_ = 0;
  std::uint64_t measured_prompt_tokens_ = 0, measured_output_tokens_ = 0;
  SimTime series_next_ = SimTime::never();
};

}  // namespace eph::sim
