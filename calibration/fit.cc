#include "calibration/fit.h"

#include <ceres/ceres.h>

#include <cmath>
#include <memory>

#include "calibration/fit_evaluator.h"

namespace eph::calibration {
namespace {

// Ceres asks for all residual blocks of a point one by one; the callback simulates them together first,
// once per point: its line search inside bounds comes back to points it has seen.
class SimulateAll final : public ceres::EvaluationCallback {
 public:
  SimulateAll(FitEvaluator& evaluator, const std::vector<double>& x) : evaluator_(evaluator), x_(x) {}
  void PrepareForEvaluation(bool jacobians, bool) override {
    if (x_ == last_ && (has_jacobians_ || !jacobians)) return;
    evaluator_.evaluate(x_, jacobians);
    last_ = x_;
    has_jacobians_ = jacobians;
  }

 private:
  FitEvaluator& evaluator_;
  const std::vector<double>& x_;
  std::vector<double> last_;
  bool has_jacobians_ = false;
};

class OneFigure final : public ceres::CostFunction {
 public:
  OneFigure(const FitEvaluator& evaluator, std::size_t index) : evaluator_(evaluator), index_(index) {
    set_num_residuals(1);
    mutable_parameter_block_sizes()->push_back(static_cast<int>(evaluator.parameters()));
  }
  bool Evaluate(double const* const*, double* residuals, double** jacobians) const override {
    residuals[0] = evaluator_.residual(index_);
    if (jacobians != nullptr && jacobians[0] != nullptr) {
      const auto gradient = evaluator_.gradient(index_);
      std::copy(gradient.begin(), gradient.end(), jacobians[0]);
    }
    return true;
  }

 private:
  const FitEvaluator& evaluator_;
  std::size_t index_;
};

// strength_j (x_j - mean_j) for all parameters.
class Prior final : public ceres::CostFunction {
 public:
  Prior(std::vector<double> means, std::vector<double> strengths)
      : mean_(std::move(means)), strength_(std::move(strengths)) {
    set_num_residuals(static_cast<int>(mean_.size()));
    mutable_parameter_block_sizes()->push_back(static_cast<int>(mean_.size()));
  }
  bool Evaluate(double const* const* parameters, double* residuals, double** jacobians) const override {
    const std::size_t n = mean_.size();
    for (std::size_t j = 0; j < n; ++j) residuals[j] = strength_[j] * (parameters[0][j] - mean_[j]);
    if (jacobians != nullptr && jacobians[0] != nullptr) {
      std::fill(jacobians[0], jacobians[0] + n * n, 0.0);
      for (std::size_t j = 0; j < n; ++j) jacobians[0][j * n + j] = strength_[j];
    }
    return true;
  }

 private:
  std::vector<double> mean_, strength_;
};

Prior* make_prior(const FitProblem& problem, const FitOptions& options, std::size_t residuals) {
  const double weight = options.prior_weight * std::sqrt(static_cast<double>(residuals) / 100.0);
  std::vector<double> means, strengths;
  for (const FreeCoefficient& c : problem.free) {
    means.push_back(to_parameter(c, c.prior));
    strengths.push_back(weight / c.prior_sd);
  }
  for (const FreeHost& h : problem.hosts) {
    means.push_back(0.0);
    strengths.push_back(weight / h.prior_sd);
  }
  return new Prior(std::move(means), std::move(strengths));  // owned by the ceres::Problem
}

std::vector<double> start_point(const FitProblem& problem) {
  std::vector<double> x;
  for (const FreeCoefficient& c : problem.free) {
    const double value = problem.start[static_cast<std::size_t>(c.coefficient)];
    x.push_back(to_parameter(c, std::clamp(value, c.lower, c.upper)));
  }
  x.resize(x.size() + problem.hosts.size(), 0.0);
  return x;
}

void set_bounds(ceres::Problem& ceres_problem, const FitProblem& problem, double* x) {
  for (std::size_t j = 0; j < problem.free.size(); ++j) {
    const FreeCoefficient& c = problem.free[j];
    ceres_problem.SetParameterLowerBound(x, static_cast<int>(j), to_parameter(c, c.lower));
    ceres_problem.SetParameterUpperBound(x, static_cast<int>(j), to_parameter(c, c.upper));
  }
}

// Of the coefficients in their units (d value / d log value = value), scaled to the residuals' spread.
std::vector<double> covariance_of(ceres::Problem& ceres_problem, const double* x, const FitProblem& problem,
                                  double cost, std::size_t residuals) {
  ceres::Covariance::Options options;
  options.algorithm_type = ceres::DENSE_SVD;
  options.null_space_rank = -1;
  ceres::Covariance covariance(options);
  const std::size_t all = problem.free.size() + problem.hosts.size(), n = problem.free.size();
  std::vector<double> full(all * all, 0.0), out(n * n, 0.0);
  const std::vector<std::pair<const double*, const double*>> blocks{{x, x}};
  if (!covariance.Compute(blocks, &ceres_problem)) return {};
  covariance.GetCovarianceBlock(x, x, full.data());
  const double freedom = std::max(1.0, static_cast<double>(residuals) - static_cast<double>(all));
  const double variance = 2 * cost / freedom;
  const auto slope = [&](std::size_t j) { return problem.free[j].logarithmic ? std::exp(x[j]) : 1.0; };
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      out[i * n + j] = full[i * all + j] * variance * slope(i) * slope(j);
    }
  }
  return out;
}

}  // namespace

Result<void> FitOptions::validate() const {
  if (!(huber_delta > 0)) return usage_error(fmt::format("huber_delta {} is not above zero", huber_delta));
  if (!(prior_weight >= 0)) return usage_error(fmt::format("prior_weight {} is negative", prior_weight));
  if (!(difference_step > 0 && difference_step < 1)) {
    return usage_error(fmt::format("difference_step {} is not in (0, 1)", difference_step));
  }
  if (max_iterations < 1) return usage_error(fmt::format("max_iterations {} is below 1", max_iterations));
  return {};
}

std::string FitSummary::brief_report() const {
  return fmt::format("cost {:.4f} -> {:.4f} in {} iterations, {} residuals, {} simulations, {} rows failed: {}",
                     initial_cost, final_cost, iterations, residuals, simulations, failed_rows,
                     why_stopped);
}

Result<FitSummary> fit(const FitProblem& problem, const FitOptions& options) {
  if (auto ok = options.validate(); !ok) return ok.error();
  FitEvaluator evaluator(problem, options);
  const std::size_t residuals = evaluator.residuals();
  if (residuals == 0) return usage_error("no measured row to fit", "check engine, GPU and data folder");
  if (problem.free.empty()) return usage_error("no coefficient to fit");

  std::vector<double> x = start_point(problem);
  SimulateAll callback(evaluator, x);
  ceres::Problem::Options problem_options;
  problem_options.evaluation_callback = &callback;
  ceres::Problem ceres_problem(problem_options);
  for (std::size_t i = 0; i < residuals; ++i) {
    ceres::LossFunction* loss = new ceres::ScaledLoss(new ceres::SoftLOneLoss(options.huber_delta),
                                                      evaluator.weight(i), ceres::TAKE_OWNERSHIP);
    ceres_problem.AddResidualBlock(new OneFigure(evaluator, i), loss, x.data());
  }
  ceres_problem.AddResidualBlock(make_prior(problem, options, residuals), nullptr, x.data());
  set_bounds(ceres_problem, problem, x.data());

  ceres::Solver::Options solver;
  solver.linear_solver_type = ceres::DENSE_QR;
  solver.max_num_iterations = options.max_iterations;
  solver.function_tolerance = options.function_tolerance;
  solver.line_search_interpolation_type = ceres::QUADRATIC;  // needs values only
  solver.logging_type = ceres::SILENT;
  solver.num_threads = 1;
  ceres::Solver::Summary report;
  ceres::Solve(solver, &ceres_problem, &report);

  FitSummary summary;
  summary.values = evaluator.values(x);
  for (const FreeCoefficient& c : problem.free) summary.fitted.push_back(c.coefficient);
  for (std::size_t h = 0; h < problem.hosts.size(); ++h) {
    summary.host_speeds.push_back(std::exp(x[problem.free.size() + h]));
  }
  summary.initial_cost = report.initial_cost;
  summary.final_cost = report.final_cost;
  summary.iterations = static_cast<int>(report.iterations.size()) - 1;
  summary.residuals = residuals;
  summary.usable = report.IsSolutionUsable();
  summary.why_stopped = report.message;
  if (options.covariance) {
    summary.covariance = covariance_of(ceres_problem, x.data(), problem, report.final_cost, residuals);
  }
  evaluator.evaluate(x, false);
  summary.failed_rows = evaluator.failed_rows();
  summary.simulations = evaluator.simulations();
  return summary;
}

}  // namespace eph::calibration
