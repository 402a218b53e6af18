#pragma once
// How one replica is spread over GPUs.
#include "core/result.h"
#include "models/llm_spec.h"

namespace eph::models {

struct Parallelism {
  int tensor = 1;
  int pipeline = 1;
  int expert = 1;          // experts are spread over this many ranks (of tensor x data)
  int attention_data = 1;  // data-parallel attention ranks inside one replica

  [[nodiscard]] int gpus() const { return tensor * pipeline * attention_data; }
  friend bool operator==(const Parallelism&, const Parallelism&) = default;
};

// Whether attention splits over `tp` ranks: tp divides the query heads, and divides or is a
// multiple of the key-value heads (copied then).
[[nodiscard]] bool tensor_degree_works(const LlmSpec& llm, int tp);

// Error (infeasible layouts are usage errors) naming the divisors that work, e.g.
// "tp 3 does not divide the 64 attention heads of Qwen3-32B; 1, 2, 4, 8 do".
[[nodiscard]] Result<void> check_parallelism(const LlmSpec& llm, const Parallelism& layout);

}  // namespace eph::models
