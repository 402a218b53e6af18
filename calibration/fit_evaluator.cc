#include "calibration/fit_evaluator.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "calibration/parallel.h"
#include "calibration/relevance.h"
#include "calibration/replay.h"

namespace eph::calibration {
namespace {

// Log ratio of a row that cannot be simulated at the tried coefficients (no room for KV): as bad as a
// factor of e^2, and flat, so that other rows lead back.
constexpr double kFailedLogRatio = 2.0;

double host_factor(const FitProblem& problem, const RunPlan& plan, std::span<const double> x) {
  for (std::size_t h = 0; h < problem.hosts.size(); ++h) {
    if (problem.hosts[h].host == plan.host) return std::exp(x[problem.free.size() + h]);
  }
  for (const FreeHost& host : problem.fixed_hosts) {
    if (host.host == plan.host) return host.speed;
  }
  return 1.0;
}

// What two deployments must share to have the same step model.
std::string model_key(const Deployment& d) {
  const models::StepContext& c = d.context;
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", c.gpu.name, c.llm.name, models::name(c.llm.weights),
                     models::name(c.llm.expert_weights), c.layout.tensor, c.layout.pipeline, c.layout.expert,
                     c.layout.attention_data, models::name(c.kv_precision), c.async_scheduling,
                     c.max_graph_tokens, models::name(d.engine));
}

}  // namespace

double to_parameter(const FreeCoefficient& c, double value) {
  return c.logarithmic ? std::log(value) : value;
}

double to_value(const FreeCoefficient& c, double x) { return c.logarithmic ? std::exp(x) : x; }

FitEvaluator::FitEvaluator(const FitProblem& problem, const FitOptions& options)
    : problem_(problem), options_(options) {
  std::size_t total = 0;
  std::map<std::string, std::shared_ptr<const models::FittedStepModel>> models;
  for (const FitRow& row : problem.rows) {
    auto& model = models[model_key(row.plan->deployment)];
    if (!model) {
      model = std::make_shared<models::FittedStepModel>(row.plan->deployment.context, problem.start);
    }
    prototypes_.push_back(model);
    first_.push_back(total);
    total += row.terms.size();
    for (const FitTerm& term : row.terms) weight_.push_back(term.weight);
  }
  first_.push_back(total);
  residual_.assign(total, 0.0);
  jacobian_.assign(total * parameters(), 0.0);
  failed_.assign(problem.rows.size(), 0);
}

std::size_t FitEvaluator::parameters() const { return problem_.free.size() + problem_.hosts.size(); }

std::span<const double> FitEvaluator::gradient(std::size_t i) const {
  return std::span(jacobian_).subspan(i * parameters(), parameters());
}

std::size_t FitEvaluator::failed_rows() const {
  return static_cast<std::size_t>(std::count(failed_.begin(), failed_.end(), 1));
}

models::CoefficientValues FitEvaluator::values(std::span<const double> x) const {
  models::CoefficientValues values = problem_.start;
  for (std::size_t j = 0; j < problem_.free.size(); ++j) {
    values[static_cast<std::size_t>(problem_.free[j].coefficient)] = to_value(problem_.free[j], x[j]);
  }
  return values;
}

bool FitEvaluator::depends(std::size_t row, std::size_t parameter) const {
  const RunPlan& plan = *problem_.rows[row].plan;
  if (parameter < problem_.free.size()) {
    return is_relevant(problem_.free[parameter].coefficient, plan.deployment.context);
  }
  return problem_.hosts[parameter - problem_.free.size()].host == plan.host;
}

double FitEvaluator::step(std::span<const double> x, std::size_t parameter) const {
  if (parameter >= problem_.free.size() || problem_.free[parameter].logarithmic) {
    return options_.difference_step;
  }
  return options_.difference_step * (std::abs(x[parameter]) + problem_.free[parameter].prior_sd);
}

bool FitEvaluator::evaluate_at(std::size_t row, std::span<const double> x, std::span<double> out) {
  const FitRow& fit_row = problem_.rows[row];
  ReplayOptions replay_options;
  replay_options.seed = options_.seed;
  replay_options.machine.host_speed = host_factor(problem_, *fit_row.plan, x);
  replay_options.prototype = prototypes_[row].get();
  const auto replayed = replay(*fit_row.plan, values(x), replay_options);
  ++simulations_;
  bool complete = true;
  for (std::size_t t = 0; t < fit_row.terms.size(); ++t) {
    const Figure figure = fit_row.terms[t].figure;
    const std::optional<double> predicted =
        replayed ? replayed->figures[figure] : std::optional<double>();
    const bool usable = predicted && *predicted > 0;
    out[t] = usable ? std::log(*predicted / *fit_row.plan->measured[figure]) : kFailedLogRatio;
    complete = complete && usable;
  }
  return complete;
}

// Differences of the row's residuals when parameter j moves by h, per unit of the parameter.
void FitEvaluator::differentiate(std::size_t row, std::span<const double> x, std::size_t j) {
  const std::size_t first = first_[row], terms = first_[row + 1] - first, n = parameters();
  std::vector<double> up(terms, 0.0), down(terms, 0.0);
  double width = 1;
  if (depends(row, j)) {
    const double h = step(x, j);
    std::vector<double> moved(x.begin(), x.end());
    moved[j] = x[j] + h;
    evaluate_at(row, moved, up);
    if (options_.central_differences) {
      moved[j] = x[j] - h;
      evaluate_at(row, moved, down);
    } else {
      std::copy_n(residual_.begin() + static_cast<std::ptrdiff_t>(first), terms, down.begin());
    }
    width = options_.central_differences ? 2 * h : h;
  }
  for (std::size_t t = 0; t < terms; ++t) jacobian_[(first + t) * n + j] = (up[t] - down[t]) / width;
}

void FitEvaluator::evaluate(std::span<const double> x, bool derivatives) {
  const std::size_t rows = problem_.rows.size(), n = parameters();
  parallel_for(rows, options_.threads, [&](std::size_t row) {
    const std::size_t first = first_[row], terms = first_[row + 1] - first;
    failed_[row] = evaluate_at(row, x, std::span(residual_).subspan(first, terms)) ? 0 : 1;
  });
  if (!derivatives) return;
  // One job per row and parameter: long rows spread over the threads; each job writes its own cells.
  parallel_for(rows * n, options_.threads, [&](std::size_t job) { differentiate(job / n, x, job % n); });
}

}  // namespace eph::calibration
