#pragma once
// An engine's default settings as a list of rules, read from data/engines.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/units.h"
#include "models/engine_kind.h"

namespace eph::models {

// Release numbers of an engine's version, compared one by one; what follows them ("rc3", "post1")
// does not count: "1.2.0rc6.post1" is {1, 2, 0}.
struct EngineVersion {
  std::vector<int> parts;
  // Missing parts count as 0: 1.2 equals 1.2.0.
  friend bool operator<(const EngineVersion& a, const EngineVersion& b);
};
[[nodiscard]] std::optional<EngineVersion> parse_version(const std::string& text);

// SGLang's mem_fraction_static from what it sets aside, in MiB of the GPU's total:
//   reserved = constant + per_chunk_token max(chunk, min_chunk_tokens) + per_graph_token graph
//              + per_gpu tp pp  (+ per_dp_graph_token graph dp, 1.5 times that above 300, with dp >
//              1)
//   fraction = round((total - max(reserved, large_gpu_floor if total > large_gpu)) / total, 3)
struct FractionFormula {
  double constant = 0, per_chunk_token = 0, min_chunk_tokens = 0, per_graph_token = 0, per_gpu = 0,
         per_dp_graph_token = 0, large_gpu = 0, large_gpu_floor = 0;
};

// What one rule sets; absent means untouched. Names as in EngineDefaults.
struct EngineSettings {
  std::optional<std::int64_t> max_num_batched_tokens, max_num_seqs, chunk_tokens, max_graph_tokens,
      block_size;
  std::optional<bool> chunked_prefill, async_scheduling, prefix_caching, admit_whole_prompt,
      fp8_kv_with_fp8_weights;
  std::optional<double> memory_fraction;
  std::optional<Bytes> reserved;
  std::optional<FractionFormula> fraction_formula;
};

// All conditions given must hold.
struct EngineRule {
  std::optional<EngineVersion> version_from, version_before;  // from <= version < before
  std::optional<Bytes> memory_from, memory_below;             // of GpuSpec::memory
  std::vector<std::string> gpu_name_without;                  // none of these in the GPU's name
  std::optional<int> tensor_from, tensor_below;
  std::optional<bool> mla;
  EngineSettings set;
};

// Rules apply in order; a later one overrides an earlier.
struct EngineSpec {
  EngineKind kind = EngineKind::vllm;
  std::vector<EngineRule> rules;
};

}  // namespace eph::models
