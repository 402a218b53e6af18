#pragma once
// Residuals and derivatives of a fit problem, all rows at once, on several threads.
#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "calibration/fit.h"

namespace eph::calibration {

// Parameters x: the free coefficients (or their logarithms), then the logarithms of the hosts' factors.
class FitEvaluator {
 public:
  FitEvaluator(const FitProblem& problem, const FitOptions& options);

  [[nodiscard]] std::size_t parameters() const;
  [[nodiscard]] std::size_t residuals() const { return residual_.size(); }
  // Simulates at x; with derivatives also a step away in each parameter that the row depends on.
  void evaluate(std::span<const double> x, bool derivatives);

  [[nodiscard]] double residual(std::size_t i) const { return residual_[i]; }  // log ratio, no weight
  [[nodiscard]] std::span<const double> gradient(std::size_t i) const;
  [[nodiscard]] double weight(std::size_t i) const { return weight_[i]; }
  [[nodiscard]] std::size_t simulations() const { return simulations_; }
  [[nodiscard]] std::size_t failed_rows() const;

  [[nodiscard]] models::CoefficientValues values(std::span<const double> x) const;

 private:
  // False when the row cannot be simulated at x.
  bool evaluate_at(std::size_t row, std::span<const double> x, std::span<double> out);
  void differentiate(std::size_t row, std::span<const double> x, std::size_t parameter);
  [[nodiscard]] bool depends(std::size_t row, std::size_t parameter) const;
  [[nodiscard]] double step(std::span<const double> x, std::size_t parameter) const;

  const FitProblem& problem_;
  const FitOptions& options_;
  // Models of each distinct deployment with their tables built; copied and given coefficients.
  std::vector<std::shared_ptr<const models::FittedStepModel>> prototypes_;  // by row
  std::vector<std::size_t> first_;  // first residual of each row, and the total
  std::vector<double> residual_, weight_, jacobian_;
  std::vector<char> failed_;
  std::atomic<std::size_t> simulations_{0};
};

// Between a coefficient and the parameter that the solver moves.
[[nodiscard]] double to_parameter(const FreeCoefficient& c, double value);
[[nodiscard]] double to_value(const FreeCoefficient& c, double x);

}  // namespace eph::calibration
