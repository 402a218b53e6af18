#pragma once
// The whole fit of one engine: engine-wide coefficients first, then a few of them again for each model.
#include <string>
#include <vector>

#include "calibration/dataset.h"
#include "calibration/fit.h"
#include "core/result.h"

namespace eph::calibration {

struct EngineFit {
  FitSummary engine_wide;
  std::vector<FreeHost> hosts;  // their factors are engine_wide.host_speeds
  std::vector<models::ModelCorrection> corrections;
  std::size_t simulations = 0;  // of all stages

  [[nodiscard]] const models::CoefficientValues& values_for(const std::string& model) const;
  [[nodiscard]] double host_speed(const std::string& host) const;  // 1 for a host the fit did not see
};

// Models with fewer rows than this get no correction.
inline constexpr std::size_t kRowsForCorrection = 8;

// Leaves out the rows marked in `skip` (may be empty). A correction's priors are the engine-wide values:
// it moves away from them only as far as the model's rows insist.
[[nodiscard]] Result<EngineFit> fit_engine(const std::vector<DataRow>& rows, const std::vector<bool>& skip,
                                           models::EngineKind engine, const FitOptions& options);

}  // namespace eph::calibration
