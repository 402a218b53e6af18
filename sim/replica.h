#pragma once
// One engine: its scheduler's state, the step it runs, and the API server in front of it.
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/rng.h"
#include "sim/collector.h"
#include "sim/engine_levels.h"
#include "sim/engine_policy.h"
#include "sim/engine_state.h"
#include "sim/front_end_station.h"
#include "sim/lane.h"
#include "sim/launch.h"
#include "sim/rank_set.h"
#include "sim/request_table.h"
#include "sim/speculation.h"

namespace eph::sim {

// Driven by the simulation's events; does not know the queue.
//
// Under async scheduling step k+1 is composed when step k starts: from the state after k was
// composed, with k's tokens as placeholders. A request that becomes visible during step k is
// therefore first considered for step k+2. KV of a sequence that ends in k is freed at k's end; if
// k+1 already holds it, that slot is wasted. When nothing could be composed at k's start, composing
// is tried again at k's end. Without it a step is composed when it starts.
//
// Spans: while nothing but decodes run and no decision is due, the replica needs no event per step.
// It announces an instant that is not after the end of the span, and is simulated only up to where
// somebody looks (docs/ARCHITECTURE.md, "Spans"). Whoever looks at it or changes it calls reach
// first. The results are those of one event per step, to the nanosecond.
class Replica {
 public:
  // The last token of the request in `slot` reaches its client at `at`.
  struct Departure {
    SlotId slot{};
    SimTime at{};
  };

  // What all replicas of a pool add up to.
  struct Totals {
    std::int64_t waiting = 0, running = 0, blocks = 0;
  };

  // `totals` may be null. The entity of `launches` is the number of the first launch.
  Replica(ReplicaId id, const ReplicaConfig& config, RequestTable& table, Collector& collector,
          MetricsSink* step_sink, const StreamKey& launches = {}, Totals* totals = nullptr,
          bool spans = false);

  [[nodiscard]] bool accepts(const RequestRow& row) const;

  // The request is visible to the scheduler. The content's hashes must live until it has ended.
  SeqId enqueue(SlotId slot, const Content& content, SimTime now);
  // Its prompt was computed elsewhere: takes blocks for it before its KV moves here. None: there
  // are not enough, or this engine takes them at admission. enqueue follows, or forgo. Requires
  // !in_span().
  [[nodiscard]] bool takes_ahead() const { return !ranks_ && policy_->takes_ahead(); }
  [[nodiscard]] std::optional<SeqId> expect(SlotId slot, const Content& content, SimTime now);
  void forgo(SeqId id, SimTime now);  // what was expected will not come
  [[nodiscard]] bool busy() const { return busy_; }
  // True once for each form_batch that is due: there may be work, and the engine is not blocked.
  bool wants_batch() { return !busy_ && !std::exchange(batch_due_, true); }
  struct Next {
    enum class What { idle, form_batch, step_done } what = What::idle;
    SimTime at{};
  };
  // Composes and launches a step if there is work and room in flight. Says what the engine does
  // then: compose another one, wait for the results of the oldest in flight, or idle. Requires
  // !busy().
  Next form_batch(SimTime now);
  // At the instant announced: when to look again, or `now` if the results are there.
  [[nodiscard]] SimTime results_due(SimTime now);
  [[nodiscard]] bool in_span() const { return in_span_; }
  // Simulates the span up to, without, `now`, and ends it there. Returns when results are awaited:
  // if that is `now`, they are there, and count before anything else of this instant. Requires
  // in_span().
  [[nodiscard]] SimTime interrupt(SimTime now);
  // The same, but the span goes on: for readers of queues and KV.
  void catch_up(SimTime now);
  // A request reaches the API server: returns when the scheduler can see it. Requires !in_span() or
  // results awaited later than `now`.
  [[nodiscard]] SimTime ingress(SimTime now, std::int32_t prompt_tokens) {
    return front_end_.request(now, prompt_tokens);
  }
  // Simulates the span's steps up to, without, `until`, as far as the API server sees them; returns
  // when results are awaited.
  SimTime advance(SimTime until);
  // The results of the oldest step in flight are there: counts its tokens, ends what is complete.
  const std::vector<Departure>& finish_step(SimTime now);
  // Requests whose first tokens came out of the last finish_step.
  [[nodiscard]] const std::vector<SlotId>& first_tokens() const { return first_tokens_; }
  // The client of a sequence has gone. True: it has left the engine, as the waiting do, and the
  // running between two steps. Else it leaves when the engine has the results that it waits for:
  // see aborted().
  [[nodiscard]] bool hang_up(SeqId id, SimTime now);
  // Requests that left at the end of the last finish_step because their clients had gone.
  [[nodiscard]] const std::vector<SlotId>& aborted() const { return aborted_; }
  // The KV of a prompt that was computed here for another worker (RequestRow::keeps_kv) has been
  // read, or will never be. Requires !in_span().
  void let_go(SeqId id, SimTime now);
  // Tokens that nobody takes any more make no gap. Requires !in_span().
  void stop_measuring(SeqId id) {
    leave_lane();
    outcomes_[index(id)].measured = false;
  }

  // The run stops here: fills in what the live requests have produced.
  void stop(SimTime now);
  // The machine dies: nothing comes out any more. Appends the requests that it had, in the order in
  // which they were sent; they have produced nothing.
  void die(SimTime now, std::vector<SlotId>& requests);
  // Steps composed from now on take so many times as long on the GPU. Requires !in_span(), as die.
  void set_slowdown(double factor) {
    slowdown_ = factor;
    stretch_.left = 0;
  }

  // Into the core's cache, for something that is about to happen here.
  void fetch() const {
    for (std::size_t at = 0; at < sizeof *this; at += 64)
      __builtin_prefetch(reinterpret_cast<const char*>(this) + at);
  }

  [[nodiscard]] EngineLevels levels(SimTime now);
  // Of the first `tokens` of a prompt, those whose KV its cache has, in whole blocks; 0 with ranks,
  // because which of them will take it is not known. Requires !in_span().
  [[nodiscard]] std::int64_t cached_tokens(const Content& content, std::int64_t tokens) {
    return ranks_ ? 0 : state_.cached_tokens(content, tokens);
  }

 private:
  // Known to the replica, hidden from the policy.
  struct Outcome {
    SimTime last_token{};  // at the client
    std::int32_t output = 0;
    SlotId slot{};
    bool measured = false;
  };

  void note_added(SeqId id, SlotId slot);
  [[nodiscard]] bool compose(BatchPlan& plan);
  void form_until_done(EnginePolicy& policy, BatchPlan& plan);
  // --- data-parallel ranks (sim/replica_ranks.cc) ---
  void compose_ranks(BatchPlan& plan);
  [[nodiscard]] models::StepTimes rank_times(const BatchPlan& plan) const;
  void on_idle();
  void drop_inactive();
  // The scheduler of the rank that has the sequence; what the state says is of that rank then.
  EnginePolicy& select_for(SeqId id) {
    if (!ranks_) return *policy_;
    state_.select(state_.rank_of(id));
    return ranks_->policy(state_.rank_of(id));
  }
  void start_span();
  void begin_span();
  // --- lanes (sim/replica_lane.cc): while one is open ---
  [[nodiscard]] bool open_lane();
  [[nodiscard]] bool lane_can_hold(SeqId id) const;
  void leave_lane();
  [[nodiscard]] bool compose_in_lane(BatchPlan& plan);
  void take_lane_tokens(SimTime now, SimTime at_client);
  void take_prompts_apart(SimTime now, SimTime at_client);
  [[nodiscard]] bool take_joined(PlanEntry entry, SimTime now, SimTime at_client);
  void end_in_lane(SeqId id, SimTime now, SimTime at_client);
  [[nodiscard]] bool same_decodes_in_flight() const;
  [[nodiscard]] bool only_decodes(const BatchPlan& plan) const;
  [[nodiscard]] std::int64_t steps_without_end();
  [[nodiscard]] SimTime span_floor() const;
  void settle(SimTime now);
  [[nodiscard]] models::StepTimes slowed(models::StepTimes t) const {
    if (slowdown_ != 1) t.gpu *= slowdown_;
    return t;
  }
  [[nodiscard]] models::Stretch stretch_from(const models::BatchShape& first) const;
  [[nodiscard]] Launched launch_exactly(models::BatchShape shape, std::int64_t at,
                                        std::int64_t gpu_free, std::int64_t& results);
  [[nodiscard]] bool launch_in_stretch(const models::BatchShape& shape, std::int64_t began,
                                       Launched& l, std::int64_t& results);
  struct Ahead;
  [[nodiscard]] std::size_t block_size(std::int64_t steps, std::int64_t ns) const;
  template <bool kAsync>
  static std::size_t run_block(Ahead& ahead, const models::StepBlock& block, std::size_t most,
                               std::int64_t until, std::int64_t* gaps);
  template <bool kAsync>
  void run_ahead(std::int64_t until);
  [[nodiscard]] models::StepTimes step_times(const BatchPlan& plan);
  void launch(BatchPlan& plan, SimTime now);
  void mark_first_scheduled(const BatchPlan& plan);
  [[nodiscard]] SimTime emit_tokens(SimTime now);
  template <bool kCaches, bool kSpeculates>
  void take_tokens(SimTime now, SimTime at_client);
  // --- speculative decoding (sim/replica_speculation.cc) ---
  // Of a decode with drafts in a step whose results are not there: how many are accepted, and how
  // many tokens come out, never more than its request still wants.
  [[nodiscard]] std::int32_t accepted_drafts(PlanEntry entry) const;
  [[nodiscard]] std::int32_t tokens_out(PlanEntry entry) const;
  // The results are there: what the sequence keeps. Returns the tokens that come out.
  std::int32_t verify_drafts(PlanEntry entry);
  void correct_contexts(BatchPlan& plan) const;
  void first_token(const Outcome& outcome, SimTime now, SimTime at_client);
  void finish(SeqId id, SimTime now, SimTime at_client);
  void drop(SeqId id, SimTime now);
  void drop_pending(SimTime now);
  void report_step();
  void report_levels(SimTime now);

  ReplicaId id_;
  const models::StepModel& step_;
  bool async_ = false;
  bool needs_contexts_ = false;
  EngineState state_;
  std::unique_ptr<EnginePolicy> policy_;  // of the only rank
  std::unique_ptr<RankSet> ranks_;        // else, and with more than one
  FrontEndStation front_end_;
  RequestTable& table_;
  Collector& collector_;
  MetricsSink* step_sink_;  // null unless somebody wants steps

  std::vector<Outcome> outcomes_;  // by sequence
  BatchPlan current_, next_;       // in flight, the older one first
  int in_flight_ = 0;
  SimTime host_free_{};  // the launching thread has nothing to do
  SimTime gpu_free_{};   // the newest step in flight ends
  SimTime done_{};       // results of current_
  bool busy_ = false;    // waits for results
  bool batch_due_ = false;
  bool spans_ = false, in_span_ = false;
  std::int64_t ahead_ = 0;    // steps of the span that can still end without an event
  std::int64_t pending_ = 0;  // that have ended, and are not yet in the sequences
  Lane lane_;
  bool lane_ends_ = false;           // with the step just composed
  std::uint64_t lane_measured_ = 0;  // of its sequences: those whose gaps count
  std::uint64_t lane_gaps_ = 0;      // of those, with the step whose results are there
  SimTime lane_emit_{};              // client time of the tokens that its decodes brought last
  struct Fresh {
    SimTime at{};                // their first tokens, and no decode since
    std::uint64_t measured = 0;  // sequences
  };
  std::vector<Fresh> lane_fresh_;
  int span_failures_ = 0, span_pause_ = 0;  // in a row; steps before the next attempt
  std::uint64_t span_measured_ = 0;         // sequences whose gaps count
  models::Stretch stretch_;                 // from the next step to be launched
  SimTime announced_ = SimTime::never();
  SimTime left_{};                        // when the latest tokens leave the API server
  SimTime last_emit_ = SimTime::never();  // client time of the latest tokens
  std::uint64_t steps_ = 0;
  std::optional<Acceptance> acceptance_;  // with speculative decoding
  bool trims_ = false;                    // KV of rejected drafts is given back at once (SGLang)
  DraftCounts drafts_;                    // of the step whose results are there
  StreamKey launches_;                    // entity: replica << 40 | number of the launch
  std::vector<Departure> departures_;
  std::vector<SlotId> first_tokens_;
  std::vector<SeqId> to_abort_;  // when the results awaited are there
  std::vector<SlotId> aborted_;
  std::vector<ScheduledTokens> scheduled_;  // of the step record
  std::vector<std::int32_t> contexts_;      // of the step's decodes, for a model that asks
  std::int64_t reported_waiting_ = 0, reported_running_ = 0, reported_blocks_ = 0;
  Totals* totals_;
  double slowdown_ = 1;
};

}  // namespace eph::sim
