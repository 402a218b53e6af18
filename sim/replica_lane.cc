// A replica whose running decodes go on together in a lane.
#include <algorithm>

#include "sim/replica.h"

namespace eph::sim {

// The steps in flight hold the same decodes, which are all active sequences.
bool Replica::open_lane() {
  if (policy_->lane_width() == 0) return false;
  for (const PlanEntry entry : current_.entries) {
    const Outcome& outcome = outcomes_[index(entry.seq)];
    if (state_[entry.seq].generated == 0 || !lane_.can_hold(entry.seq)) return false;
    if (outcome.measured && outcome.last_token != last_emit_) return false;
  }
  lane_.open(in_flight_, policy_->foresees_ends());
  lane_measured_ = 0;
  for (const PlanEntry entry : current_.entries) {
    const Outcome& outcome = outcomes_[index(entry.seq)];
    lane_.add(entry.seq, outcome.output);
    lane_measured_ += outcome.measured ? 1 : 0;
  }
  current_.entries.clear();
  if (in_flight_ == 2) next_.entries.clear();
  return true;
}

void Replica::leave_lane() {
  if (!lane_.is_open()) return;
  EPH_ASSERT(!in_span_, "replica {} leaves its lane within a span", index(id_));
  for (const SeqId id : state_.running())
    if (lane_.has_emitted(id)) outcomes_[index(id)].last_token = last_emit_;
  BatchPlan* const plans[] = {&current_, &next_};
  lane_.close(plans, in_flight_);
}

bool Replica::compose_in_lane(BatchPlan& plan) {
  lane_.compose(plan);
  policy_->admit(state_, plan, lane_.decodes());
  for (const PlanEntry entry : plan.entries) {
    if (entry.samples() && lane_.can_hold(entry.seq))
      lane_.join(entry.seq, outcomes_[index(entry.seq)].output);
    else
      lane_ends_ = true;  // a chunk of a prompt
  }
  collector_.on_kv_peak(state_.kv().used(), state_.kv().usable());
  if (!plan.empty()) return true;
  lane_.withdraw();
  return false;
}

void Replica::take_lane_tokens(SimTime now, SimTime at_client) {
  const bool emitted = current_.shape.sampled_seqs > current_.wasted;
  lane_gaps_ = lane_measured_;
  lane_.finish();
  // Entries of a step: its decodes, then what it admitted.
  const std::vector<SeqId>& ending = lane_.ending();
  auto next = ending.begin();
  const auto end_next = [&] { end_in_lane(*next++, now, at_client); };
  const auto admitted = [&](SeqId id) {
    return std::any_of(current_.entries.begin(), current_.entries.end(),
                       [id](const PlanEntry& entry) { return entry.seq == id; });
  };
  while (next != ending.end() && !admitted(*next)) end_next();
  for (const PlanEntry entry : current_.entries) {
    take_joined(entry, now, at_client);
    if (next != ending.end() && *next == entry.seq) end_next();
  }
  if (lane_gaps_ > 0) collector_.on_gap(at_client - last_emit_, lane_gaps_);
  if (emitted) last_emit_ = at_client;
}

// The token that a prompt brings.
void Replica::take_joined(PlanEntry entry, SimTime now, SimTime at_client) {
  Outcome& outcome = outcomes_[index(entry.seq)];
  if (state_.caches() && entry.prefills()) state_.prefill_done(entry.seq);
  if (state_[entry.seq].generated == 0)
    first_token(outcome, now, at_client);
  else if (outcome.measured && outcome.last_token == last_emit_)
    ++lane_gaps_;
  else if (outcome.measured)  // it was preempted
    collector_.on_gap(at_client - outcome.last_token, 1);
  lane_measured_ += outcome.measured ? 1 : 0;
}

void Replica::end_in_lane(SeqId id, SimTime now, SimTime at_client) {
  lane_.end(id);
  lane_measured_ -= outcomes_[index(id)].measured ? 1 : 0;
  const auto& running = state_.running();
  state_.remove_running(
      static_cast<std::size_t>(std::find(running.begin(), running.end(), id) - running.begin()));
  finish(id, now, at_client);
  if (state_[id].plans > 0) lane_.haunt(id);
}

}  // namespace eph::sim
