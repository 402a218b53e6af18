#pragma once
// How long TensorRT-LLM takes for a batch of equal requests that are all there at the start,
// without a simulation of each request: requests that were admitted together stay together, so a
// step is composed in a few operations.
#include <cstdint>

#include "models/memory.h"
#include "models/step_model.h"
#include "sim/config.h"

namespace eph::calibration {

struct OfflineBatch {
  std::int64_t requests = 0, isl = 0, osl = 0;
};

// Output tokens per second over the whole run, its ramp and its end included. Steps follow the
// rules of the simulator's policy and host pipeline (docs/MODEL.md, "Schedulers" and eq. 18, with
// the mean of the launch jitter); full batches follow one another alike, so of many only a few are
// worked out. 0: a request fits neither the pool nor a step. Prompts are not cut.
[[nodiscard]] double offline_output_tps(const OfflineBatch& batch, const sim::EngineOptions& engine,
                                        const models::KvPool& kv, const models::StepModel& step);

}  // namespace eph::calibration
