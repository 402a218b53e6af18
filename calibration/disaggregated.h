#pragma once
// Means of a closed loop over separate prefill and decode workers: an approximation without a
// simulation.
#include "calibration/replay.h"

namespace eph::calibration {

// docs/MODEL.md eq. 28 to 30: a decode worker takes its even share of what is in flight and is not
// there, every step a pure decode step at the mean context; prompts queue for the prefill workers
// one by one (mean-value analysis of the closed network); the KV cache moves at the inter-node
// bandwidth of the fewer GPUs. Sets mean TTFT and mean TPOT. `plan.prefill` must be there.
[[nodiscard]] Result<Replayed> predict_disaggregated(const RunPlan& plan,
                                                     const models::EngineProfile& profile,
                                                     const models::Machine& machine);

// The same row in the simulator: a pool of each kind, KV over cards that carry the inter-node
// bandwidth of the profile for each GPU, pulled (vLLM, TensorRT-LLM) or pushed (SGLang). All
// figures of a closed loop.
[[nodiscard]] Result<Replayed> simulate_disaggregated(const RunPlan& plan,
                                                      const models::EngineProfile& profile,
                                                      const models::Machine& machine,
                                                      std::uint64_t seed);

// Mean wait and service, seconds, of `customers` who think `think_s` between visits of `servers`
// alike with service time `service_s`: exact mean-value analysis with Seidmann's split of a station
// of several servers.
[[nodiscard]] double closed_loop_response_s(double service_s, int servers, double think_s,
                                            std::int64_t customers);

}  // namespace eph::calibration
