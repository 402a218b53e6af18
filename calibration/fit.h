#pragma once
// Fits profile coefficients so that replayed rows reproduce measured figures: Problem, Options, Summary.
//
// Minimises  sum_i w_i rho(log(predicted_i / measured_i)) + sum_j (prior_weight sqrt(N/100) (x_j - m_j) / sd_j)^2
// over x = coefficient or its logarithm, with rho the pseudo-Huber loss, by Ceres (Levenberg-Marquardt with bounds).
// Every evaluation simulates every row; derivatives are differences with common random numbers.
#include <string>
#include <vector>

#include "calibration/protocol.h"
#include "core/error.h"
#include "models/profile.h"

namespace eph::calibration {

struct FitTerm {
  Figure figure = Figure::mean_tpot;
  double weight = 1;
};

struct FitRow {
  const RunPlan* plan = nullptr;  // borrowed; must outlive the fit
  std::vector<FitTerm> terms;     // only figures that were measured
};

// `logarithmic`: the fit moves log(value), prior_sd is of the logarithm, lower > 0; otherwise it moves the
// value itself and prior_sd is in the coefficient's unit.
struct FreeCoefficient {
  models::Coefficient coefficient = models::Coefficient::gemm_scale;
  bool logarithmic = true;
  double prior = 1, prior_sd = 1;
  double lower = 0, upper = 0;  // in the coefficient's unit
};

// Host-speed factor of the rows whose plan has this host; rows of other hosts run at 1.
struct FreeHost {
  std::string host;
  double prior_sd = 0.3;  // of the logarithm, around 1
  double speed = 1.0;     // of a fixed one
};

struct FitProblem {
  std::vector<FitRow> rows;
  models::CoefficientValues start{};  // also the values of what is not free
  std::vector<FreeCoefficient> free;
  std::vector<FreeHost> hosts;
  std::vector<FreeHost> fixed_hosts;  // known speeds that this fit does not move
};

struct FitOptions {
  double huber_delta = 0.05;   // log ratio at which the loss turns linear
  double prior_weight = 0.05;
  double difference_step = 0.04;  // of the logarithm; of others the same share of value plus prior_sd
  bool central_differences = false;  // twice the simulations, half the effect of schedules that jump
  int max_iterations = 8;
  double function_tolerance = 1e-4;
  int threads = 0;  // 0: as many as the machine has
  std::uint64_t seed = 1;  // of the loads' draws: the same for every evaluation
  bool covariance = true;

  [[nodiscard]] Result<void> validate() const;  // names the violated limit and the value
};

struct FitSummary {
  models::CoefficientValues values{};
  std::vector<models::Coefficient> fitted;
  std::vector<double> covariance;  // of the fitted coefficients in their units, row-major
  std::vector<double> host_speeds;  // parallel to FitProblem::hosts
  double initial_cost = 0, final_cost = 0;
  int iterations = 0;
  std::size_t simulations = 0;
  std::size_t residuals = 0;
  std::size_t failed_rows = 0;  // rows that could not be simulated at the solution
  bool usable = false;
  std::string why_stopped;

  [[nodiscard]] std::string brief_report() const;
};

// Error: bad options, no rows, or a start from which nothing can be simulated.
[[nodiscard]] Result<FitSummary> fit(const FitProblem& problem, const FitOptions& options);

}  // namespace eph::calibration
