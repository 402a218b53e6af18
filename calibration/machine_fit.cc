#include "calibration/machine_fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "calibration/damped_descent.h"
#include "calibration/parallel.h"
#include "calibration/replay.h"

namespace eph::calibration {
namespace {

using Rows = std::vector<const DataRow*>;

bool reduces(const DataRow& row) { return row.plan.deployment.context.layout.tensor > 1; }

constexpr double kHostSd = 0.7;          // prior of the logarithm, around 1
constexpr double kFailedLogRatio = 1.0;  // of a row that cannot be simulated

// A factor of the GPU with the prior of its logarithm, around 1. Peak rates of data sheets are
// reached to different parts: power limits hold back matrix work most, PCIe without peer access the
// link.
struct Factor {
  double models::Machine::*value;
  double prior_sd;
  bool reductions;  // only rows with more than one tensor rank know it
};
constexpr std::array<Factor, 5> kFactors{{{&models::Machine::efficiency, 0.2, false},
                                          {&models::Machine::compute, 0.2, false},
                                          {&models::Machine::overhead, 0.2, false},
                                          {&models::Machine::launch, 0.3, false},
                                          {&models::Machine::link, 0.5, true}}};

// High percentiles of few requests say least, time per token most.
double weight_of(Figure figure) {
  switch (figure) {
    case Figure::ttft_p95:
      return 0.7;
    case Figure::ttft_p99:
      return 0.25;
    case Figure::itl_p50:
      return 2.0;
    default:
      return 1.0;
  }
}

// Residuals of the rows' figures at a vector of logarithms: the GPU's factors first if they are
// free, then hosts.
class Residuals {
 public:
  Residuals(const Rows& rows, const models::EngineProfile& profile,
            const MachineFitOptions& options)
      : rows_(rows), profile_(profile), options_(options) {
    std::set<std::string> hosts;
    for (const DataRow* row : rows) hosts.insert(row->plan.host);
    hosts_.assign(hosts.begin(), hosts.end());
    if (options.gpu) {
      const bool reduced =
          std::any_of(rows.begin(), rows.end(), [](const DataRow* row) { return reduces(*row); });
      for (const Factor& factor : kFactors) {
        if (reduced || !factor.reductions) factors_.push_back(factor);
      }
    }
    for (const DataRow* row : rows) {
      first_.push_back(weights_.size());
      terms_.push_back(fitted_figures(row->plan));
      for (const Figure figure : terms_.back()) weights_.push_back(weight_of(figure));
    }
  }

  [[nodiscard]] const std::vector<std::string>& hosts() const { return hosts_; }
  [[nodiscard]] const std::vector<double>& weights() const { return weights_; }
  [[nodiscard]] std::vector<double> prior_sd() const {
    std::vector<double> out;
    for (const Factor& factor : factors_) out.push_back(factor.prior_sd);
    out.resize(factors_.size() + hosts_.size(), kHostSd);
    return out;
  }

  [[nodiscard]] std::vector<double> start() const {
    std::vector<double> x;
    for (const Factor& factor : factors_) x.push_back(std::log(options_.start.*factor.value));
    x.resize(factors_.size() + hosts_.size(), std::log(options_.start.host_speed));
    return x;
  }

  [[nodiscard]] models::Machine machine(const std::vector<double>& x,
                                        const std::string& host) const {
    const auto at = std::lower_bound(hosts_.begin(), hosts_.end(), host) - hosts_.begin();
    models::Machine out = options_.start;
    for (std::size_t i = 0; i < factors_.size(); ++i) out.*factors_[i].value = std::exp(x[i]);
    out.host_speed = std::exp(x[factors_.size() + static_cast<std::size_t>(at)]);
    return out;
  }

  // Rows that cannot be simulated at x.
  [[nodiscard]] std::size_t failed(const std::vector<double>& x) const {
    std::vector<char> failures(rows_.size());
    parallel_for(rows_.size(), options_.threads, [&](std::size_t i) {
      const RunPlan& plan = rows_[i]->fit_plan;
      failures[i] = !replay(plan, profile_, machine(x, plan.host), options_.seed);
    });
    return static_cast<std::size_t>(std::count(failures.begin(), failures.end(), 1));
  }

  [[nodiscard]] std::vector<double> at(const std::vector<double>& x) const {
    std::vector<double> out(weights_.size());
    parallel_for(rows_.size(), options_.threads, [&](std::size_t i) {
      const RunPlan& plan = rows_[i]->fit_plan;
      const auto replayed = replay(plan, profile_, machine(x, plan.host), options_.seed);
      for (std::size_t t = 0; t < terms_[i].size(); ++t) {
        const Figure figure = terms_[i][t];
        const auto predicted = replayed ? replayed->figures[figure] : std::optional<double>();
        out[first_[i] + t] = predicted && *predicted > 0
                                 ? std::log(*predicted / *plan.measured[figure])
                                 : kFailedLogRatio;
      }
    });
    return out;
  }

 private:
  const Rows& rows_;
  const models::EngineProfile& profile_;
  const MachineFitOptions& options_;
  std::vector<std::string> hosts_;
  std::vector<Factor> factors_;             // that are free
  std::vector<std::vector<Figure>> terms_;  // by row
  std::vector<std::size_t> first_;          // first residual of each row
  std::vector<double> weights_;
};

MachineFit summary(const Residuals& f, const std::vector<double>& x, double cost,
                   std::size_t rows) {
  MachineFit out;
  out.machine = f.machine(x, f.hosts().front());
  for (const std::string& host : f.hosts())
    out.hosts.push_back({host, f.machine(x, host).host_speed});
  out.machine.host_speed = out.host_speed();
  double weight = 0;
  for (const double w : f.weights()) weight += w;
  out.cost = cost / weight;
  out.rows = rows;
  out.failed = f.failed(x);
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

models::Machine MachineFit::on(const std::string& host) const {
  models::Machine out = machine;
  out.host_speed = host_speed(host);
  return out;
}

MachineFit fit_machine(const Rows& rows, const models::EngineProfile& profile,
                       const MachineFitOptions& options) {
  EPH_ASSERT(!rows.empty(), "a fit without rows");
  const Residuals f(rows, profile, options);
  const DescentProblem problem{[&f](const std::vector<double>& x) { return f.at(x); }, f.weights(),
                               f.prior_sd()};
  const Descent found = descend(problem, f.start());
  return summary(f, found.x, found.cost, rows.size());
}

}  // namespace eph::calibration
