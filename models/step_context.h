#pragma once
// Everything about a deployment that step times depend on.
#include <cstdint>
#include <optional>

#include "models/gpu_spec.h"
#include "models/llm_spec.h"
#include "models/operators.h"
#include "models/parallelism.h"
#include "models/precision.h"
#include "models/topology/node_network.h"

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
  // Between the replica's nodes (topology/collectives.h, node_network); without: the constants of
  // `operators`, flat rings. A replica inside one node does not depend on it.
  std::optional<NodeNetwork> network = {};
  // Batches that the pipeline's stages work on side by side, at most `layout.pipeline`: the decodes
  // of a step are spread evenly over them, its prompt chunks are in one. 1: stages wait for each
  // other.
  int pipeline_batches = 1;
};

}  // namespace eph::models
