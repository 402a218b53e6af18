// Data-parallel ranks: each composes for itself, and all of them take one step together.
#include <algorithm>

#include "sim/replica.h"

namespace eph::sim {
namespace {

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

// A rank with nothing to do runs a dummy batch.
void Replica::compose_ranks(BatchPlan& plan) {
  plan.ranks.assign(ranks_->size(), {});
  BatchPlan& own = ranks_->scratch;
  for (std::size_t rank = 0; rank < ranks_->size(); ++rank) {
    state_.select(rank);
    own.clear();
    form_until_done(ranks_->policy(rank), own);
    collector_.on_kv_peak(state_.kv().used(), state_.kv().usable());
    append(plan.entries, own.entries);
    append(plan.first_scheduled, own.first_scheduled);
    append(plan.preempted, own.preempted);
    append(plan.admitted, own.admitted);
    plan.ranks[rank] = own.shape;
    plan.shape += own.shape;
  }
}

// All wait for the slowest, on the GPU and on its host. Decodes alone are padded to the tokens of
// the largest rank; with a prompt the experts see what there is.
models::StepTimes Replica::rank_times(const BatchPlan& plan) const {
  std::int64_t most = 0;
  for (const models::BatchShape& rank : plan.ranks) most = std::max(most, rank.tokens());
  const bool padded = plan.shape.prefill_seqs == 0;
  const int alike = step_.ranks();
  models::StepTimes slowest;
  for (const models::BatchShape& rank : plan.ranks) {
    if (rank.tokens() == 0) continue;
    models::BatchShape shape = rank.times(alike);
    if (padded || alike > 1)
      shape.padding_tokens =
          static_cast<std::int32_t>((padded ? most * alike : plan.shape.tokens()) - shape.tokens());
    const models::StepTimes t = step_.times(shape);
    slowest.gpu = std::max(slowest.gpu, t.gpu);
    slowest.lead = std::max(slowest.lead, t.lead);
    slowest.launch = std::max(slowest.launch, t.launch);
    slowest.results = std::max(slowest.results, t.results);
    slowest.launch_jitter = std::max(slowest.launch_jitter, t.launch_jitter);
  }
  return slowest;
}

void Replica::drop_inactive() {
  if (!ranks_) return state_.drop_inactive();
  for (std::size_t rank = 0; rank < ranks_->size(); ++rank) {
    state_.select(rank);
    state_.drop_inactive();
  }
}

void Replica::on_idle() {
  if (!ranks_) return policy_->on_idle();
  for (std::size_t rank = 0; rank < ranks_->size(); ++rank) ranks_->policy(rank).on_idle();
}

}  // namespace eph::sim
