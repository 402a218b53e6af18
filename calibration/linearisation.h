#pragma once
// Log predictions of measured figures and their derivatives, at one state per row.
#include <Eigen/Core>
#include <vector>

#include "calibration/observation.h"
#include "calibration/row_predictor.h"

namespace eph::calibration {

// What a row's prediction can be moved along: every coefficient in its unit, then the logarithms of
// a factor on decode steps, on prompt work, and of the host's speed.
inline constexpr std::size_t kDecodeDirection = models::kCoefficientCount;
inline constexpr std::size_t kPrefillDirection = kDecodeDirection + 1;
inline constexpr std::size_t kHostDirection = kPrefillDirection + 1;
inline constexpr std::size_t kDirections = kHostDirection + 1;

struct Predictions {
  std::vector<double> log_predicted;  // by observation; NaN where the row cannot be simulated
  std::size_t simulations = 0;
};

// `states` by row; rows without an observation are not simulated.
[[nodiscard]] Predictions predict_observations(const RowPredictor& predictor,
                                               const std::vector<Observation>& observations,
                                               const std::vector<RowState>& states, Stage stage,
                                               int threads);

// d log predicted / d direction (observations x kDirections) by central differences with common
// random numbers. Coefficients not in `moved` and those that cannot matter to a row have zeros.
struct Linearisation {
  Eigen::MatrixXd slopes;
  std::size_t simulations = 0;
};
[[nodiscard]] Linearisation linearise(const RowPredictor& predictor,
                                      const std::vector<DataRow>& rows,
                                      const std::vector<Observation>& observations,
                                      const std::vector<RowState>& states,
                                      const std::vector<models::Coefficient>& moved, int threads);

}  // namespace eph::calibration
