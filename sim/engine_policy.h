#pragma once
// What an engine puts into its next step.
#include <memory>

#include "core/result.h"
#include "models/memory.h"
#include "sim/batch_plan.h"
#include "sim/config.h"
#include "sim/engine_state.h"

namespace eph::sim {

// Contract:
//  - form_batch fills `plan` through `state` only: admissions, chunk sizes, preemptions. It sees no
//  true
//    output length (INV-6, by type): the replica decides what has finished
//  - work-conserving (INV-5): when nothing is active, the head of the queue is admitted. `accepts`
//  is
//    what makes that possible: a request it refuses could wait for ever, and is rejected instead
//  - under async scheduling the results of the step in flight are not known yet: a sequence in it
//  may be
//    scheduled again, and may turn out to have ended
class EnginePolicy {
 public:
  virtual ~EnginePolicy() = default;
  [[nodiscard]] virtual bool accepts(std::int64_t prompt, std::int64_t max_output) const = 0;
  virtual void form_batch(EngineState& state, BatchPlan& plan) = 0;
  virtual void on_finished(const Sequence&) {
  }  // once per sequence that ends, before its KV is freed
  // Once per active sequence that is aborted, likewise.
  virtual void on_aborted(SeqId, const Sequence& s) { on_finished(s); }
  virtual void on_idle() {}  // nothing runs and nothing waits
  // --- KV that is to come from a prefill worker ---
  // Its blocks are taken before it moves; else at admission.
  [[nodiscard]] virtual bool takes_ahead() const { return false; }
  // There is room for one of such a prompt now. Sees what runs as after a step.
  [[nodiscard]] virtual bool has_room_for(const EngineState& state, std::int64_t prompt,
                                          std::int64_t /*max_output*/) const {
    return state.kv().blocks_for(prompt) <= state.kv().free();
  }

  // --- spans (docs/ARCHITECTURE.md) ---
  // The step just composed holds all active sequences, all in decode, and preempted none. True: as
  // long as nobody comes or goes and blocks suffice, every next one will hold the same.
  [[nodiscard]] virtual bool steady(const EngineState&) const { return true; }
  // A sequence is left out once its last permitted token is in flight.
  [[nodiscard]] virtual bool foresees_ends() const { return true; }
  // How many decodes the next step may hold, if form_batch now takes the running ones first, a
  // token for each in their order, and then does what admit does. 0: it does something else.
  [[nodiscard]] virtual std::int64_t lane_width(const EngineState&) const { return 0; }
  virtual void admit(EngineState&, BatchPlan&, std::int64_t /*decodes*/) {}
  // Before that: prompts that form_batch computes in a step of their own, while decodes stand
  // still. `to_come`: tokens that the running ones may still generate. They may only be those that
  // a lane_takes.
  virtual void form_prompts(EngineState&, BatchPlan&, std::int64_t /*to_come*/) {}
  [[nodiscard]] virtual bool lane_takes(const Sequence&) const { return true; }
  // EngineState::settle is told what the decodes of each step took.
  [[nodiscard]] virtual bool settles() const { return false; }
  // What `steps` steps of decodes do to the policy itself.
  virtual void pass(std::int64_t /*steps*/) {}
  // What `steps` such compositions do.
  virtual void advance(EngineState& state, std::span<const PlanEntry> entries, std::int64_t steps) {
    state.decode_on(entries, steps, EngineState::Settling::no);
  }
};

// Requires check(options, pool).
[[nodiscard]] std::unique_ptr<EnginePolicy> make_policy(const EngineOptions& options,
                                                        const models::KvPool& pool);

// A usage error for options that cannot run: a limit below one, a kind that has no policy, a chunk
// that no step can hold.
[[nodiscard]] Result<void> check(const EngineOptions& options, const models::KvPool& pool);

}  // namespace eph::sim
