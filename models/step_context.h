#pragma once
// Everything about a deployment that step times depend on.
#include <cstdint>

#include "models/gpu_spec.h"
#include "models/llm_spec.h"
#include "models/operators.h"
#include "models/parallelism.h"
#include "models/precision.h"

namespace eph::models {

struct StepContext {
  GpuSpec gpu;
  LlmSpec llm;
  Parallelism layout;
  Precision kv_precision = Precision::bf16;
  bool async_scheduling =
      true;  // host work overlaps the GPU: (gpu^q + host^q)^(1/q), else gpu + host
  std::int64_t max_graph_tokens = 512;  // steps above it run eagerly; below, tokens are padded up
  OperatorModel operators;              // of the engine: EngineProfile::operators
};

}  // namespace eph::models
