#pragma once
// The longest sequence an engine takes: shared by the policies' `accepts`.
#include <algorithm>
#include <cstdint>

#include "sim/config.h"

namespace eph::sim {

// prompt + max_output must not exceed it. The engines refuse to start unless one sequence of
// max_model_len fits into the KV pool, so the pool is a limit of its own where none is given.
[[nodiscard]] inline std::int64_t longest_sequence(const EngineOptions& options,
                                                   const models::KvPool& pool) {
  const std::int64_t pool_tokens = pool.usable_tokens();
  return options.max_model_len > 0 ? std::min(options.max_model_len, pool_tokens) : pool_tokens;
}

}  // namespace eph::sim
