#pragma once
// A step model composed of measured times of one transformer layer (`layer_profile/` of a request
// log).
#include <memory>
#include <string>

#include "calibration/ragged_grid.h"
#include "core/result.h"
#include "models/step_context.h"
#include "models/step_model.h"

namespace eph::calibration {

// Step = embedding + final norm + layers * (dense layers at T tokens, or those of a mixture of
// experts + attention + all-reduces) + LM head and sampler at the sampled sequences (MODEL eq. 21
// to 23).
//
// - Dense layers run in tiles: the time at T is that of the next measured count of tokens.
// - Attention of a step with chunks and decodes is interpolated in the measured mixed rows. Several
//   chunks stand as n equal ones with the same tokens and query-key pairs; n - 1 of them are added
//   at their own time without the launch.
// - Decodes of unequal length: see long_tail_us.
// Host work is not in the tables: an engine that prepares the next step while one runs hides it.
class LayerProfileModel final : public models::StepModel {
 public:
  // Of one rank of `context`. Errors name file and line; kind io when a table is missing.
  [[nodiscard]] static Result<std::unique_ptr<LayerProfileModel>> load(
      const std::string& folder, const models::StepContext& context);

  // Decodes taken as equally long.
  [[nodiscard]] double seconds(const models::BatchShape& shape) const noexcept override;
  [[nodiscard]] models::StepBreakdown explain(const models::BatchShape& shape) const override;
  [[nodiscard]] bool needs_contexts() const noexcept override { return true; }
  [[nodiscard]] double seconds_with(const models::BatchShape& shape,
                                    std::span<const std::int32_t> contexts) const noexcept override;

 private:
  [[nodiscard]] Result<void> read_dense(const std::string& path);
  [[nodiscard]] Result<void> read_experts(const std::string& path);
  [[nodiscard]] Result<void> read_attention(const std::string& path);
  [[nodiscard]] Result<void> read_per_sequence(const std::string& path);
  void set_serial_time();
  [[nodiscard]] double attention_us(const models::BatchShape& shape, double& chunks_part) const;
  [[nodiscard]] double experts_us(double tokens) const;
  [[nodiscard]] double long_tail_us(const models::BatchShape& shape,
                                    std::span<const std::int32_t> contexts) const;

  models::StepContext context_;
  RaggedGrid per_layer_, once_, per_sequence_;  // tokens, tokens, sequences
  RaggedGrid experts_;                          // (tokens, activated experts); empty: a dense model
  RaggedGrid chunk_attention_;                  // (chunk, past)
  RaggedGrid decode_attention_;                 // (sequences, context)
  RaggedGrid mixed_attention_;                  // (sequences, context, past, chunk); may be empty
  double serial_us_ = 0;  // per KV token of one sequence whose KV is not split; 0: not measured
};

}  // namespace eph::calibration
