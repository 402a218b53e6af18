// What speculative decoding changes in a replica: which tokens a step brings out.
#include <algorithm>

#include "sim/replica.h"

namespace eph::sim {

std::int32_t Replica::accepted_drafts(PlanEntry entry) const {
  const Sequence& s = state_[entry.seq];
  return acceptance_->accepted(state_.request(entry.seq), s.generated, entry.tokens() - 1);
}

std::int32_t Replica::tokens_out(PlanEntry entry) const {
  if (!entry.samples()) return 0;
  if (!acceptance_ || entry.prefills() || entry.tokens() == 1) return 1;
  const std::int32_t wanted = outcomes_[index(entry.seq)].output - state_[entry.seq].generated;
  return std::min(1 + accepted_drafts(entry), std::max(1, wanted));
}

std::int32_t Replica::verify_drafts(PlanEntry entry) {
  const std::int32_t drafts = entry.tokens() - 1, accepted = accepted_drafts(entry);
  const std::int32_t out = tokens_out(entry);
  ++drafts_.verifications;
  drafts_.drafts += static_cast<std::uint64_t>(drafts);
  drafts_.accepted += static_cast<std::uint64_t>(accepted);
  // What is accepted beyond the request's end goes with it.
  state_.reject_drafts(entry.seq, drafts - accepted);
  if (trims_) {
    (void)select_for(entry.seq);
    state_.trim(entry.seq);
  }
  return out;
}

// Composed ahead, as if all drafts of the step in flight were accepted; the GPU reads what is
// there.
void Replica::correct_contexts(BatchPlan& plan) const {
  for (const PlanEntry entry : current_.entries) {
    if (entry.prefills() || entry.tokens() == 1 || state_[entry.seq].plans < 2) continue;
    const std::int32_t rejected = entry.tokens() - 1 - accepted_drafts(entry);
    plan.shape.decode_context_tokens -= rejected;
    if (ranks_) plan.ranks[state_.rank_of(entry.seq)].decode_context_tokens -= rejected;
  }
}

}  // namespace eph::sim
