// A replica whose running decodes go on together in a lane.
#include <algorithm>

#include "sim/replica.h"

namespace eph::sim {

// The steps in flight hold the same decodes, which are all active sequences.
bool Replica::open_lane() {
  if (policy_->lane_width(state_) == 0) return false;
  for (const PlanEntry entry : current_.entries) {
    const Outcome& outcome = outcomes_[index(entry.seq)];
    if (state_[entry.seq].generated == 0 || !lane_can_hold(entry.seq)) return false;
    if (outcome.measured && outcome.last_token != last_emit_) return false;
  }
  lane_.open(in_flight_, policy_->foresees_ends(), policy_->settles());
  lane_measured_ = 0;
  lane_emit_ = last_emit_;
  lane_fresh_.clear();
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
    if (lane_.has_emitted(id)) outcomes_[index(id)].last_token = lane_emit_;
  BatchPlan* const plans[] = {&current_, &next_};
  lane_.close(plans, in_flight_);
}

bool Replica::lane_can_hold(SeqId id) const {
  return lane_.can_hold(id) && policy_->lane_takes(state_[id]);
}

// False: the lane had to be closed.
bool Replica::compose_in_lane(BatchPlan& plan) {
  const std::int64_t width = policy_->lane_width(state_);
  if (width == 0) {
    leave_lane();
    return false;
  }
  policy_->form_prompts(state_, plan, lane_.to_come());
  plan.apart = !plan.empty();
  if (!plan.apart) {
    if (!lane_.prepare(width)) {
      leave_lane();
      return false;
    }
    lane_.compose(plan);
    policy_->admit(state_, plan, lane_.decodes());
    if (plan.empty()) lane_.withdraw();
  }
  for (const PlanEntry entry : plan.entries) {
    const std::int32_t output = outcomes_[index(entry.seq)].output;
    if (!entry.samples() || !lane_can_hold(entry.seq))
      lane_ends_ = true;  // a chunk of a prompt
    else if (plan.apart)
      lane_.join_apart(entry.seq, output);
    else
      lane_.join(entry.seq, output);
  }
  collector_.on_kv_peak(state_.kv().used(), state_.kv().usable());
  return true;
}

void Replica::take_lane_tokens(SimTime now, SimTime at_client) {
  if (current_.apart) return take_prompts_apart(now, at_client);
  const std::int64_t tokens = current_.shape.sampled_seqs - current_.wasted;
  const std::uint64_t before = lane_measured_;
  for (const Fresh& fresh : lane_fresh_) {
    collector_.on_gap(at_client - fresh.at, fresh.measured);
    lane_measured_ += fresh.measured;
  }
  lane_fresh_.clear();
  lane_gaps_ = before;
  lane_.finish(tokens);
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
    if (take_joined(entry, now, at_client)) ++lane_measured_;
    if (next != ending.end() && *next == entry.seq) end_next();
  }
  if (lane_gaps_ > 0) collector_.on_gap(at_client - lane_emit_, lane_gaps_);
  if (tokens > 0) lane_emit_ = last_emit_ = at_client;
}

void Replica::take_prompts_apart(SimTime now, SimTime at_client) {
  Fresh fresh{at_client, 0};
  for (const PlanEntry entry : current_.entries) {
    Outcome& outcome = outcomes_[index(entry.seq)];
    const bool measured = take_joined(entry, now, at_client);
    outcome.last_token = at_client;
    lane_.prompt_done(entry.seq);
    if (state_[entry.seq].generated == outcome.output) {
      lane_measured_ += measured ? 1 : 0;  // its end takes it back
      end_in_lane(entry.seq, now, at_client);
    } else if (measured) {
      ++fresh.measured;
    }
  }
  if (fresh.measured > 0) lane_fresh_.push_back(fresh);
  last_emit_ = at_client;
}

// The token that a prompt brings. Returns whether its gaps count.
bool Replica::take_joined(PlanEntry entry, SimTime now, SimTime at_client) {
  Outcome& outcome = outcomes_[index(entry.seq)];
  if (state_.caches() && entry.prefills()) state_.prefill_done(entry.seq);
  if (state_[entry.seq].generated == 0)
    first_token(outcome, now, at_client);
  else if (outcome.measured)  // it was preempted
    collector_.on_gap(at_client - outcome.last_token, 1);
  return outcome.measured;
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
