#pragma once
// A step-time model in nine numbers for one model on one GPU: what a request log alone can tell.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/json_doc.h"
#include "core/result.h"
#include "models/engine_kind.h"
#include "models/step_model.h"

namespace eph::models {

enum class CompactTerm : std::uint8_t {
  base,          // ms per step
  stream,        // ms to read all weights that every step reads
  token,         // us of matrix work per token
  corner,        // exponent of the soft maximum of the two above
  kv_token,      // ns per KV token of the decodes, steps of decodes alone
  mixed_kv,      // factor on the above in steps with a prompt chunk
  pair,          // ns per query-key pair of the chunks
  sequence,      // us per scheduled sequence
  prefill_step,  // ms per step with a prompt chunk
  count_
};
inline constexpr std::size_t kCompactTerms = static_cast<std::size_t>(CompactTerm::count_);
using CompactValues = std::array<double, kCompactTerms>;

struct CompactTermInfo {
  std::string_view name;  // "base_ms": the key in the profile file
  double to_si;           // value * to_si is in seconds; 1 for pure numbers
};
[[nodiscard]] const CompactTermInfo& compact_term_info(CompactTerm term);

struct CompactProfile {
  EngineKind engine = EngineKind::vllm;
  std::string engine_version, gpu, model;  // of the run it was fitted on; catalogue names
  int tensor_parallel = 1;
  CompactValues values{};
  // Mixture of experts: reading all experts takes expert_stream_ms, and T tokens pick the share
  // 1 - (1 - expert_share)^T of them. 0 for dense models.
  double expert_stream_ms = 0, expert_share = 0;
  bool async_scheduling = true;
  // Covariance of the natural logarithms of `values`, row-major (Laplace approximation).
  std::vector<double> log_covariance;
  // What it was fitted on: requests and events used, and the largest batch among them.
  std::int64_t requests = 0, events = 0, batch_max = 0;
  double residual_sd = 0;  // of the log ratio of decode times, requests of the fit
  std::string source, command;
};

// File form "compact", version 1. Strict, as every reader of profiles.
[[nodiscard]] Json to_json(const CompactProfile& profile);
[[nodiscard]] Result<CompactProfile> read_compact_profile(const Json& json,
                                                          const std::string& file);

// step = base + soft maximum(weights, tokens) + KV + pairs + sequences + [chunks] (MODEL eq. 24).
class CompactStepModel final : public FittableStepModel {
 public:
  explicit CompactStepModel(const CompactProfile& profile);
  [[nodiscard]] double seconds(const BatchShape& shape) const noexcept override;
  [[nodiscard]] StepBreakdown explain(const BatchShape& shape) const override;
  [[nodiscard]] std::size_t coefficient_count() const override { return kCompactTerms; }
  // d seconds / d log(value).
  void gradient(const BatchShape& shape, std::span<double> row) const override;

 private:
  [[nodiscard]] double stream_s(double tokens) const noexcept;

  CompactValues si_{};
  double expert_s_ = 0, log_unpicked_ = 0;
};

}  // namespace eph::models
