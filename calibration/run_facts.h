#pragma once
// What a file of measured runs does not say and the user does: engine, GPU, model, parallelism,
// load.
#include <optional>
#include <string>

#include "calibration/measured_run.h"
#include "core/result.h"

namespace eph::calibration {

// Empty and nullopt: not given. `gpu` and `model` may be "WRITTEN=NAME": where the file has
// WRITTEN, NAME is meant.
struct RunFacts {
  std::string engine, engine_version, gpu, model, dtype, kv_dtype;
  std::optional<std::int64_t> tp, pp, ep, attention_dp;
  std::optional<std::int64_t> isl, osl, concurrency, requests;
  std::optional<double> request_rate, burstiness;
  std::optional<std::int64_t> max_num_seqs, max_num_batched_tokens, max_model_len, kv_blocks;
  // Rows of another engine or GPU are not contradictions: they are of no interest.
  bool selects = false;

  [[nodiscard]] bool any() const;
};

// Fills in what `run` lacks. A fact that contradicts the file is an error that names the flag.
[[nodiscard]] Result<void> apply_facts(const RunFacts& facts, const std::string& file,
                                       MeasuredRun& run);
// The flags of what a simulation of `run` still needs ("--gpu NAME"); empty: nothing.
[[nodiscard]] std::vector<std::string> missing_facts(const MeasuredRun& run);
// An error that names all of them.
[[nodiscard]] Result<void> check_complete(const std::string& file, const MeasuredRun& run);

}  // namespace eph::calibration
