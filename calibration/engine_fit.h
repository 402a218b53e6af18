#pragma once
// The fit of one engine on one GPU: Gauss-Newton on the hierarchy's posterior (docs/MODEL.md, "Calibration").
#include <memory>
#include <string>
#include <vector>

#include "calibration/dataset.h"
#include "calibration/hierarchy.h"
#include "core/result.h"

namespace eph::calibration {

struct FitOptions {
  int iterations = 4;   // of the states, each a simulation of every row
  int linearisations = 2;  // times that derivatives are taken: at the start, then where the fit arrived
  int threads = 0;      // 0: as many as the machine has
  std::uint64_t seed = 1;  // of the loads' draws: the same for every evaluation

  [[nodiscard]] Result<void> validate() const;  // names the violated limit and the value
};

struct EngineFit {
  models::EngineProfile profile;  // coefficients, corrections, residuals, hosts, covariance; no errors yet
  std::size_t rows = 0, observations = 0, failed_rows = 0, simulations = 0;
  double start_spread = 0, final_spread = 0;  // root mean square of residual / noise, robust weights
  // Of log measured around log predicted, by observation of the fitter, held-out ones included.
  std::vector<double> log_sd;

  // What predicts a row, measured or not, that was fitted or held out.
  [[nodiscard]] RowState state_for(const DataRow& row) const;
  // Log factor on its mean TTFT besides.
  [[nodiscard]] double first_token_log(const DataRow& row) const;
  [[nodiscard]] std::string brief_report() const;
};

// Takes the derivatives once and fits as often as wanted, each time without other rows. They are taken
// where the fit of all rows arrives; held-out measurements enter a fit in no other way.
class EngineFitter {
 public:
  // `rows` must outlive it. Error: nothing to fit, or bad options.
  [[nodiscard]] static Result<EngineFitter> create(const std::vector<DataRow>& rows, models::EngineKind engine,
                                                   const FitOptions& options);
  ~EngineFitter();
  EngineFitter(EngineFitter&&) noexcept;
  EngineFitter& operator=(EngineFitter&&) noexcept;

  // Of every row that is fitted and not marked in `skip` (may be empty).
  [[nodiscard]] Result<EngineFit> fit(const std::vector<bool>& skip) const;
  [[nodiscard]] const EngineFit& all() const;  // the fit of all rows
  [[nodiscard]] const std::vector<Observation>& observations() const;

 private:
  struct State;
  explicit EngineFitter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// One fit without `skip`.
[[nodiscard]] Result<EngineFit> fit_engine(const std::vector<DataRow>& rows, const std::vector<bool>& skip,
                                           models::EngineKind engine, const FitOptions& options);

}  // namespace eph::calibration
