#include "calibration/machine_fit.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <set>

#include "calibration/parallel.h"
#include "calibration/replay.h"

namespace eph::calibration {
namespace {

constexpr double kHuberDelta = 0.06;                  // log ratio at which the loss turns linear
constexpr double kEfficiencySd = 0.2, kHostSd = 0.7;  // priors of the logarithms, around 1
constexpr double kStep = 0.04;                        // of the differences
constexpr double kFailedLogRatio = 1.0;               // of a row that cannot be simulated
constexpr double kLowest = -1.5, kHighest = 1.5;      // of the logarithms
constexpr int kIterations = 8, kDampings = 4;
constexpr double kTolerance = 5e-3;  // relative gain at which a fit stops

using Rows = std::vector<const DataRow*>;

// High percentiles of few requests say least, time per token most.
double weight_of(Figure figure) {
  switch (figure) {
    case Figure::ttft_p95: return 0.7;
    case Figure::ttft_p99: return 0.25;
    case Figure::itl_p50: return 2.0;
    default: return 1.0;
  }
}


// Residuals of the rows' figures at a vector of logarithms: efficiency first if it is free, then
// hosts.
class Residuals {
 public:
  Residuals(const Rows& rows, const models::EngineProfile& profile,
            const MachineFitOptions& options)
      : rows_(rows), profile_(profile), options_(options) {
    std::set<std::string> hosts;
    for (const DataRow* row : rows) hosts.insert(row->plan.host);
    hosts_.assign(hosts.begin(), hosts.end());
    for (const DataRow* row : rows) {
      first_.push_back(weights_.size());
      terms_.push_back(fitted_figures(row->plan));
      for (const Figure figure : terms_.back()) weights_.push_back(weight_of(figure));
    }
  }

  [[nodiscard]] Eigen::Index parameters() const { return base() + std::ssize(hosts_); }
  [[nodiscard]] const std::vector<std::string>& hosts() const { return hosts_; }
  [[nodiscard]] const std::vector<double>& weights() const { return weights_; }
  [[nodiscard]] Eigen::Index base() const { return options_.efficiency ? 1 : 0; }
  [[nodiscard]] double prior_sd(Eigen::Index i) const {
    return i < base() ? kEfficiencySd : kHostSd;
  }

  [[nodiscard]] models::Machine machine(const Eigen::VectorXd& x, const std::string& host) const {
    const auto at = std::lower_bound(hosts_.begin(), hosts_.end(), host) - hosts_.begin();
    return {options_.efficiency ? std::exp(x[0]) : options_.start.efficiency,
            std::exp(x[base() + at])};
  }

  [[nodiscard]] Eigen::VectorXd at(const Eigen::VectorXd& x) const {
    Eigen::VectorXd out(std::ssize(weights_));
    parallel_for(rows_.size(), options_.threads, [&](std::size_t i) {
      const RunPlan& plan = rows_[i]->fit_plan;
      const auto replayed = replay(plan, profile_, machine(x, plan.host), options_.seed);
      for (std::size_t t = 0; t < terms_[i].size(); ++t) {
        const Figure figure = terms_[i][t];
        const auto predicted = replayed ? replayed->figures[figure] : std::optional<double>();
        out[static_cast<Eigen::Index>(first_[i] + t)] =
            predicted && *predicted > 0 ? std::log(*predicted / *plan.measured[figure])
                                        : kFailedLogRatio;
      }
    });
    return out;
  }

  // Loss in units of delta squared, priors included.
  [[nodiscard]] double cost(const Eigen::VectorXd& x, const Eigen::VectorXd& r) const {
    double sum = 0;
    for (Eigen::Index i = 0; i < r.size(); ++i) {
      const double z = r[i] / kHuberDelta;
      sum += weights_[static_cast<std::size_t>(i)] * (std::sqrt(1 + z * z) - 1);
    }
    for (Eigen::Index i = 0; i < x.size(); ++i) sum += 0.5 * std::pow(x[i] / prior_sd(i), 2);
    return sum;
  }

 private:
  const Rows& rows_;
  const models::EngineProfile& profile_;
  const MachineFitOptions& options_;
  std::vector<std::string> hosts_;
  std::vector<std::vector<Figure>> terms_;  // by row
  std::vector<std::size_t> first_;           // first residual of each row
  std::vector<double> weights_;
};

// Normal equations of the loss at x: Hessian and gradient, weights of the loss included.
void linearise(const Residuals& f, const Eigen::VectorXd& x, const Eigen::VectorXd& r,
               Eigen::MatrixXd& hessian, Eigen::VectorXd& gradient) {
  const Eigen::Index n = x.size();
  Eigen::MatrixXd jacobian(r.size(), n);
  for (Eigen::Index j = 0; j < n; ++j) {
    Eigen::VectorXd up = x, down = x;
    up[j] += kStep;
    down[j] -= kStep;
    jacobian.col(j) = (f.at(up) - f.at(down)) / (2 * kStep);
  }
  Eigen::VectorXd w(r.size());
  for (Eigen::Index i = 0; i < r.size(); ++i) {
    const double z = r[i] / kHuberDelta;
    w[i] = f.weights()[static_cast<std::size_t>(i)] /
           (kHuberDelta * kHuberDelta * std::sqrt(1 + z * z));
  }
  hessian = jacobian.transpose() * w.asDiagonal() * jacobian;
  gradient = jacobian.transpose() * w.asDiagonal() * r;
  for (Eigen::Index i = 0; i < n; ++i) {
    const double precision = 1 / (f.prior_sd(i) * f.prior_sd(i));
    hessian(i, i) += precision;
    gradient[i] += precision * x[i];
  }
}

MachineFit summary(const Residuals& f, const Eigen::VectorXd& x, double cost, std::size_t rows) {
  MachineFit out;
  out.efficiency = f.machine(x, f.hosts().front()).efficiency;
  for (const std::string& host : f.hosts())
    out.hosts.push_back({host, f.machine(x, host).host_speed});
  double weight = 0;
  for (const double w : f.weights()) weight += w;
  out.cost = cost / weight;
  out.rows = rows;
  return out;
}

}  // namespace

double MachineFit::host_speed(const std::string& host) const {
  double sum = 0;
  for (const models::HostSpeed& h : hosts) {
    if (h.host == host) return h.speed;
    sum += std::log(h.speed);
  }
  return hosts.empty() ? 1.0 : std::exp(sum / static_cast<double>(hosts.size()));
}

MachineFit fit_machine(const Rows& rows, const models::EngineProfile& profile,
                       const MachineFitOptions& options) {
  EPH_ASSERT(!rows.empty(), "a fit without rows");
  const Residuals f(rows, profile, options);
  Eigen::VectorXd x(f.parameters());
  for (Eigen::Index i = 0; i < x.size(); ++i)
    x[i] = std::log(i < f.base() ? options.start.efficiency : options.start.host_speed);
  Eigen::VectorXd r = f.at(x);
  double cost = f.cost(x, r), damping = 1e-3;
  for (int iteration = 0; iteration < kIterations; ++iteration) {
    Eigen::MatrixXd hessian;
    Eigen::VectorXd gradient;
    linearise(f, x, r, hessian, gradient);
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
        damping /= 4;
      } else {
        damping = std::max(4 * damping, 0.01);
      }
    }
    if (gain <= kTolerance * cost) break;
  }
  return summary(f, x, cost, rows.size());
}

}  // namespace eph::calibration
