#pragma once
// The data-parallel ranks of a replica: a scheduler each, and who gets the next request.
#include <memory>
#include <vector>

#include "sim/engine_policy.h"

namespace eph::sim {

// Balancing by engine, not verified in their sources: vLLM the least of 4 x waiting + running
// (there as of the last 100 ms), SGLang in turn, TensorRT-LLM the fewest requests; the lowest rank
// of equals.
class RankSet {
 public:
  // Adds the ranks to a state that has one.
  RankSet(const ReplicaConfig& config, EngineState& state);
  [[nodiscard]] std::size_t next(const EngineState& state);
  [[nodiscard]] EnginePolicy& policy(std::size_t rank) { return *policies_[rank]; }
  [[nodiscard]] std::size_t size() const { return policies_.size(); }

  BatchPlan scratch;  // of the rank that composes

 private:
  models::EngineKind kind_;
  std::vector<std::unique_ptr<EnginePolicy>> policies_;
  std::size_t turn_ = 0;
};

}  // namespace eph::sim
