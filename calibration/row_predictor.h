#pragma once
// Simulates the rows of a dataset again and again with other coefficients.
#include <memory>
#include <vector>

#include "calibration/dataset.h"
#include "calibration/replay.h"

namespace eph::calibration {

// Everything about a row's prediction that a fit may change.
struct RowState {
  models::CoefficientValues values{};
  double host_speed = 1;
  models::StepResidual residual;
};

enum class Stage { whole, shortened };  // DataRow::plan, DataRow::fit_plan

// Builds each distinct step model's tables once. predict is thread safe.
class RowPredictor {
 public:
  RowPredictor(const std::vector<DataRow>& rows, std::uint64_t seed);  // rows must outlive it
  // Error: the row cannot be simulated with these coefficients (no room for KV).
  [[nodiscard]] Result<Replayed> predict(std::size_t row, const RowState& state, Stage stage) const;

 private:
  const std::vector<DataRow>& rows_;
  std::uint64_t seed_;
  std::vector<std::shared_ptr<const models::FittedStepModel>> prototypes_;  // by row
};

}  // namespace eph::calibration
