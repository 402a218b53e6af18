#pragma once
// Where the time of one request went.
#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "models/step_model.h"
#include "sim/metrics_sink.h"

namespace eph::sim {

// The parts of a request's time (MODEL, "Where a request's time goes").
enum class TimePart : std::size_t {
  network,          // between client and API server, and in the client
  host,             // API server, and the engine between steps
  queue,            // seen by the scheduler and not yet scheduled
  prefill_own,      // steps with its chunks, as long as they would take alone
  prefill_others,   // prompts of others, until its first token
  decode_others,    // decodes of others, until its first token
  decode,           // steps that decode it, as long as they would take without prompts
  decode_stalls,    // prompts of others and steps without it, after its first token
  preemption_wait,  // preempted and not yet scheduled again
  recompute,        // from then until it has its next token
  transfer,         // of KV between replicas, until the decode worker has it
  gateway,          // in the gateway's queue while some replica of the pool served
  cold_start,       // there before, until the first one did
  retry,            // on replicas that died with it, and until it was sent again
};
inline constexpr std::size_t kTimeParts = 14;
[[nodiscard]] std::string_view name(TimePart part);

struct TimeParts {
  std::array<Duration, kTimeParts> part{};
  Duration& operator[](TimePart p) { return part[static_cast<std::size_t>(p)]; }
  const Duration& operator[](TimePart p) const { return part[static_cast<std::size_t>(p)]; }
  [[nodiscard]] Duration total() const;
};

// Every column adds up to its time exactly. Parts after the first token are differences of the
// other two; host and network may be negative there, when the last token was delivered faster than
// the first.
struct Explanation {
  TimeParts to_first_token;  // ttft
  TimeParts after;           // first token to finish
  TimeParts whole;           // e2e
};

// Watches one request in a run that is the same as the one that `known`, its record, comes from
// (INV-8). `known` finished. Costs one look at each step of the request's replica.
//
// An attempt that ends with its replica counts as retry in whole, from the moment it was sent
// there.
class RequestWatch final : public MetricsSink {
 public:
  // `steps`: of the pools' replicas, by pool.
  RequestWatch(const RequestRecord& known, std::vector<const models::StepModel*> steps);
  RequestWatch(const RequestRecord& known, const models::StepModel& step)
      : RequestWatch(known, std::vector<const models::StepModel*>{&step}) {}
  [[nodiscard]] bool wants_steps() const override { return true; }
  [[nodiscard]] bool wants_stops() const override { return true; }
  void on_stop(const RequestStop& stop) override;
  void on_step(const StepRecord& step) override;
  void on_request(const RequestRecord& record) override;
  // Requires that the run has ended.
  [[nodiscard]] Explanation explanation() const;

 private:
  enum class Phase { waiting, prefill, decode, preempted, recompute, ended };

  void admit(const Admission& admission, SimTime start);
  void pass_until(SimTime start);
  void spend(const StepRecord& step, const ScheduledTokens* own);
  void sampled(std::int32_t tokens);
  void add(TimePart part, Duration time) { engine_[part] = engine_[part] + time; }

  void pass(TimePart part, SimTime until);  // everything since the cursor
  void assigned(const RequestStop& stop);
  void given_back(SimTime at);
  // The record is of the last attempt; those before will be retries in whole, whatever their parts.
  [[nodiscard]] bool is_last() const { return lost_ == known_.retries; }

  RequestRecord known_;
  std::vector<const models::StepModel*> steps_;
  const models::StepModel* step_;  // of the replica that has it
  ReplicaId replica_{};
  bool arrived_ = false;   // at the gateway
  bool handed_ = false;    // its prompt is complete elsewhere
  bool discards_ = false;  // the token that its prompt's last step brings is not the first one
  TimeParts before_;       // the attempt under way, which began then
  SimTime attempt_at_{};
  std::int32_t lost_ = 0;  // attempts so far
  Phase phase_ = Phase::waiting;
  SimTime cursor_{};             // the request's time is accounted for up to here
  std::int64_t context_ = 0;     // tokens with their KV written
  std::int32_t outputs_ = 0;     // tokens sampled
  TimeParts engine_, to_first_;  // sent .. cursor_; .. engine_first_token
};

}  // namespace eph::sim
