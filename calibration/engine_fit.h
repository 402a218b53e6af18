#pragma once
// The fit of one engine on one GPU: one for each family of its versions (docs/MODEL.md,
// "Calibration").
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "calibration/dataset.h"
#include "calibration/observation.h"
#include "calibration/row_predictor.h"
#include "core/result.h"

namespace eph::calibration {

struct FitOptions {
  int iterations = 4;  // of the states, each a simulation of every row
  // Times that derivatives are taken: at the start, shared by all fits, then where each fit
  // arrived.
  int linearisations = 1;
  int threads = 0;         // 0: as many as the machine has
  std::uint64_t seed = 1;  // of the loads' draws: the same for every evaluation

  [[nodiscard]] Result<void> validate() const;  // names the violated limit and the value
};

struct EngineFit {
  models::EngineProfile
      profile;  // coefficients, corrections, residuals, hosts, covariance; no errors yet
  std::size_t rows = 0, observations = 0, simulations = 0;
  std::size_t failed = 0;  // observations whose row could not be simulated at the end
  double start_cost = 0, final_cost = 0;  // negative log posterior, pseudo-Huber, up to a constant
  // Of log measured around log predicted, by observation of the fitter, held-out ones included.
  std::vector<double> log_sd;

  // What predicts a row, measured or not, that was fitted or held out.
  [[nodiscard]] RowState state_for(const DataRow& row) const;
  // Log factor on its mean TTFT besides.
  [[nodiscard]] double first_token_log(const DataRow& row) const;
  [[nodiscard]] std::string brief_report() const;
};

// Takes the derivatives at the start once and fits as often as wanted, each time without other
// rows. What is held out enters a fit in no way.
class EngineFitter {
 public:
  // `rows` must outlive it. Error: nothing to fit, or bad options.
  [[nodiscard]] static Result<EngineFitter> create(const std::vector<DataRow>& rows,
                                                   models::EngineKind engine,
                                                   const FitOptions& options);
  ~EngineFitter();
  EngineFitter(EngineFitter&&) noexcept;
  EngineFitter& operator=(EngineFitter&&) noexcept;

  // Of every row that is fitted and not marked in `skip` (may be empty).
  [[nodiscard]] Result<EngineFit> fit(const std::vector<bool>& skip) const;
  [[nodiscard]] const std::vector<Observation>& observations() const;
  // How far log measured lies from log predicted for 90 % of rows, over 1.645, by what the fit knew
  // of them: folds of whole curves, of one tensor parallelism of a model, and of one model, by the
  // problem linear around the start. A familiarity that no fold tries gets twice what the one
  // before it has.
  [[nodiscard]] std::array<models::ErrorSpread, 3> spread() const;

 private:
  struct State;
  explicit EngineFitter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// One fit without `skip`.
[[nodiscard]] Result<EngineFit> fit_engine(const std::vector<DataRow>& rows,
                                           const std::vector<bool>& skip, models::EngineKind engine,
                                           const FitOptions& options);

}  // namespace eph::calibration
