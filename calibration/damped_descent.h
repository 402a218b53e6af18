#pragma once
// Minimises a robust sum of residuals that are cheap enough for differences and not smooth
// everywhere.
#include <functional>
#include <vector>

namespace eph::calibration {

// Residuals are log ratios, parameters logarithms of factors with Gaussian priors around 0.
struct DescentProblem {
  std::function<std::vector<double>(const std::vector<double>& x)> residuals;
  std::vector<double> weights;   // of the residuals
  std::vector<double> prior_sd;  // of the parameters
};

struct Descent {
  std::vector<double> x;
  double cost = 0;  // pseudo-Huber loss in units of the width squared, priors included
};

// Damped Gauss-Newton from `start`. A step that gains nothing is shortened to a thousandth before
// the descent gives up.
[[nodiscard]] Descent descend(const DescentProblem& problem, const std::vector<double>& start);

}  // namespace eph::calibration
