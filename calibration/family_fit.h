#pragma once
// The fit of one family of engine versions: Gauss-Newton on the hierarchy's posterior, damped so
// that the true cost falls (docs/MODEL.md, "Calibration").
#include <memory>
#include <string>
#include <vector>

#include "calibration/engine_fit.h"

namespace eph::calibration {

class FamilyFit {
 public:
  // Takes the derivatives at the start. `rows` (of all families) and `predictor` must outlive it.
  FamilyFit(const std::vector<DataRow>& rows, const RowPredictor& predictor,
            models::EngineKind engine, std::string family, const FitOptions& options);
  ~FamilyFit();
  FamilyFit(FamilyFit&&) noexcept;
  FamilyFit& operator=(FamilyFit&&) noexcept;

  // Of the family's rows that are fitted and not marked in `skip`; without any the prior means.
  [[nodiscard]] EngineFit fit(const std::vector<bool>& skip) const;
  [[nodiscard]] const std::vector<Observation>& observations() const;
  // Log measured minus predicted of the observations of `held` rows by the problem linear around
  // the start: no simulation, so that many folds cost nothing. By observation; NaN for the others.
  [[nodiscard]] std::vector<double> linear_residuals(const std::vector<bool>& held) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eph::calibration
