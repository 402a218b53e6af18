#include "calibration/damped_descent.h"

#include <Eigen/Dense>
#include <cmath>

namespace eph::calibration {
namespace {

constexpr double kHuberDelta = 0.06;              // log ratio at which the loss turns linear
constexpr double kStep = 0.04;                    // of the differences
constexpr double kLowest = -1.5, kHighest = 1.5;  // of the parameters
constexpr int kIterations = 12;
constexpr double kTolerance = 5e-3;  // relative gain at which a descent ends
// A full step can carry a constant rate over saturation, where TTFT is many times the measured one:
// the damping grows until the step is a thousandth of it.
constexpr int kDampings = 7;
constexpr double kFirstDamping = 1e-3, kMoreDamping = 10, kLessDamping = 4;

class Objective {
 public:
  explicit Objective(const DescentProblem& problem)
      : problem_(problem),
        weights_(
            Eigen::Map<const Eigen::VectorXd>(problem.weights.data(), std::ssize(problem.weights))),
        precision_(
            Eigen::Map<const Eigen::ArrayXd>(problem.prior_sd.data(), std::ssize(problem.prior_sd))
                .square()
                .inverse()) {}

  [[nodiscard]] Eigen::VectorXd at(const Eigen::VectorXd& x) const {
    const std::vector<double> r =
        problem_.residuals(std::vector<double>(x.data(), x.data() + x.size()));
    return Eigen::Map<const Eigen::VectorXd>(r.data(), std::ssize(r));
  }

  [[nodiscard]] double cost(const Eigen::VectorXd& x, const Eigen::VectorXd& r) const {
    const Eigen::ArrayXd z = r.array() / kHuberDelta;
    return (weights_.array() * ((1 + z.square()).sqrt() - 1)).sum() +
           0.5 * (precision_ * x.array().square()).sum();
  }

  // Normal equations of the loss at x: Hessian and gradient, weights of the loss included.
  void linearise(const Eigen::VectorXd& x, const Eigen::VectorXd& r, Eigen::MatrixXd& hessian,
                 Eigen::VectorXd& gradient) const {
    Eigen::MatrixXd jacobian(r.size(), x.size());
    for (Eigen::Index j = 0; j < x.size(); ++j) {
      Eigen::VectorXd up = x, down = x;
      up[j] += kStep;
      down[j] -= kStep;
      jacobian.col(j) = (at(up) - at(down)) / (2 * kStep);
    }
    const Eigen::ArrayXd z = r.array() / kHuberDelta;
    const Eigen::VectorXd w =
        weights_.array() / (kHuberDelta * kHuberDelta * (1 + z.square()).sqrt());
    hessian = jacobian.transpose() * w.asDiagonal() * jacobian;
    gradient = jacobian.transpose() * w.asDiagonal() * r;
    hessian.diagonal().array() += precision_;
    gradient.array() += precision_ * x.array();
  }

 private:
  const DescentProblem& problem_;
  Eigen::VectorXd weights_;
  Eigen::ArrayXd precision_;
};

}  // namespace

Descent descend(const DescentProblem& problem, const std::vector<double>& start) {
  const Objective f(problem);
  Eigen::VectorXd x = Eigen::Map<const Eigen::VectorXd>(start.data(), std::ssize(start));
  Eigen::VectorXd r = f.at(x);
  double cost = f.cost(x, r), damping = kFirstDamping;
  for (int iteration = 0; iteration < kIterations; ++iteration) {
    Eigen::MatrixXd hessian;
    Eigen::VectorXd gradient;
    f.linearise(x, r, hessian, gradient);
    double gain = 0;
    for (int attempt = 0; attempt < kDampings && gain <= 0; ++attempt) {
      Eigen::MatrixXd damped = hessian;
      damped.diagonal() *= 1 + damping;
      const Eigen::VectorXd moved =
          (x - damped.ldlt().solve(gradient)).cwiseMax(kLowest).cwiseMin(kHighest);
      const Eigen::VectorXd residuals = f.at(moved);
      const double tried = f.cost(moved, residuals);
      gain = cost - tried;
      if (gain > 0) {
        x = moved;
        r = residuals;
        cost = tried;
        damping /= kLessDamping;
      } else {
        damping *= kMoreDamping;
      }
    }
    if (gain <= kTolerance * cost) break;
  }
  return {std::vector<double>(x.data(), x.data() + x.size()), cost};
}

}  // namespace eph::calibration
