#pragma once
// A step model composed of measured times of one transformer layer (`layer_profile/` of a request log).
#include <memory>
#include <string>

#include "calibration/ragged_grid.h"
#include "core/result.h"
#include "models/step_model.h"

namespace eph::calibration {

// Step = embedding + final norm + layers * (dense layers at T tokens + attention) + LM head and sampler
// at the sampled sequences. Attention of a mixed step is c1 * (its chunks alone) + c2 * (its decodes
// alone) with c1, c2 by least squares of relative errors over the table's mixed rows (MODEL_NOTES 5.1).
// Host work is not in the tables: an engine that prepares the next step while one runs hides it.
class LayerProfileModel final : public models::StepModel {
 public:
  // `layers` of the model. Errors name file and line; kind io when dense.csv, attention.csv or
  // per_sequence.csv is missing, usage for a profile of experts (moe.csv).
  [[nodiscard]] static Result<std::unique_ptr<LayerProfileModel>> load(const std::string& folder, int layers);

  [[nodiscard]] double seconds(const models::BatchShape& shape) const noexcept override;
  [[nodiscard]] models::StepBreakdown explain(const models::BatchShape& shape) const override;
  [[nodiscard]] double chunk_factor() const { return chunk_factor_; }
  [[nodiscard]] double decode_factor() const { return decode_factor_; }

 private:
  [[nodiscard]] Result<void> read_dense(const std::string& path);
  [[nodiscard]] Result<void> read_attention(const std::string& path);
  [[nodiscard]] Result<void> read_per_sequence(const std::string& path);
  [[nodiscard]] double chunk_us(const models::BatchShape& shape) const noexcept;
  [[nodiscard]] double decode_us(const models::BatchShape& shape) const noexcept;

  int layers_ = 0;
  // Over (layer name's index 0, tokens): summed when read, us.
  RaggedGrid per_layer_, once_, per_sequence_;
  RaggedGrid chunk_attention_;   // (chunk, past)
  RaggedGrid decode_attention_;  // (sequences, context)
  double chunk_factor_ = 1, decode_factor_ = 1;
};

}  // namespace eph::calibration
