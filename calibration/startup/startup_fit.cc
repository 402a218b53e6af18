#include "calibration/startup/startup_fit.h"

#include <ceres/ceres.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

namespace eph::calibration {
namespace {

// Logarithms of the seven seconds of StartupSeconds, in its order, and of the download's s per GB.
constexpr std::size_t kGlobal = 8;
using Global = std::array<double, kGlobal>;
// Where the fit starts and what it is held to, weakly (a factor of e is one standard deviation).
constexpr Global kStart{35, 8, 5, 0.2, 0.3, 15, 10, 6};
constexpr double kPriorGlobal = 1.0;
// Standard deviations of the logarithms of factors: how far hosts were expected to differ.
constexpr double kPriorCloud = 0.15, kPriorGpu = 0.1, kPriorPair = 0.1, kPriorMachine = 0.06;
constexpr double kPriorDownload = 0.7;
constexpr double kResidual = 0.06;  // of a row, within a machine
constexpr double kGb = 1e9;

struct Host {
  double cloud = 0, gpu = 0, pair = 0, machine = 0, download = 0;
};

struct RowCost {
  const StartupRow* row;

  template <class T>
  bool operator()(const T* global, const T* cloud, const T* download, const T* gpu, const T* pair,
                  const T* machine, T* residual) const {
    using std::exp;
    using std::log;
    const models::StartupQuery& q = row->query;
    const double gigabytes = q.weight_bytes / kGb;
    T own = exp(global[0]) + exp(global[2]) * std::log2(q.gpus) +
            exp(global[3]) * double(q.layers) + exp(global[4]) * (gigabytes / q.gpus);
    if (q.gpus > 1) own += exp(global[1]);
    if (row->cold()) own += exp(global[5]);
    if (q.kind == models::StartKind::fresh) own += exp(global[6]);
    T total = exp(cloud[0] + gpu[0] + pair[0] + machine[0]) * own;
    if (row->cold()) total += exp(global[7] + download[0]) * gigabytes;
    residual[0] = (log(total) - std::log(row->seconds)) / kResidual;
    return true;
  }
};

struct PriorCost {
  double mean, sd;
  template <class T>
  bool operator()(const T* x, T* residual) const {
    residual[0] = (x[0] - mean) / sd;
    return true;
  }
};

struct GlobalPrior {
  template <class T>
  bool operator()(const T* x, T* residual) const {
    for (std::size_t i = 0; i < kGlobal; ++i)
      residual[i] = (x[i] - std::log(kStart[i])) / kPriorGlobal;
    return true;
  }
};

struct Fit {
  Global global{};
  std::map<std::string, double> clouds, downloads, gpus, pairs, machines;
  std::map<std::string, std::size_t> cloud_rows, cold_rows, gpu_rows, pair_rows;
};

// Every level that a used row has gets its value and its prior.
void add_level(ceres::Problem& problem, std::map<std::string, double>& level, double sd) {
  for (auto& [key, value] : level) {
    problem.AddResidualBlock(
        new ceres::AutoDiffCostFunction<PriorCost, 1, 1>(new PriorCost{0.0, sd}), nullptr, &value);
  }
}

Fit solve(const std::vector<StartupRow>& rows, const std::vector<bool>& used) {
  Fit fit;
  for (std::size_t i = 0; i < kGlobal; ++i) fit.global[i] = std::log(kStart[i]);
  ceres::Problem problem;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!used[i] || !rows[i].left_out.empty()) continue;
    const models::StartupQuery& q = rows[i].query;
    ++fit.cloud_rows[q.cloud];
    ++fit.gpu_rows[q.gpu];
    ++fit.pair_rows[rows[i].host_class()];
    if (rows[i].cold()) ++fit.cold_rows[q.cloud];
    using Cost = ceres::AutoDiffCostFunction<RowCost, 1, kGlobal, 1, 1, 1, 1, 1>;
    problem.AddResidualBlock(new Cost(new RowCost{&rows[i]}), new ceres::SoftLOneLoss(1.0),
                             fit.global.data(), &fit.clouds[q.cloud], &fit.downloads[q.cloud],
                             &fit.gpus[q.gpu], &fit.pairs[rows[i].host_class()],
                             &fit.machines[rows[i].machine]);
  }
  problem.AddResidualBlock(
      new ceres::AutoDiffCostFunction<GlobalPrior, kGlobal, kGlobal>(new GlobalPrior), nullptr,
      fit.global.data());
  add_level(problem, fit.clouds, kPriorCloud);
  add_level(problem, fit.downloads, kPriorDownload);
  add_level(problem, fit.gpus, kPriorGpu);
  add_level(problem, fit.pairs, kPriorPair);
  add_level(problem, fit.machines, kPriorMachine);
  ceres::Solver::Options options;
  options.linear_solver_type = ceres::DENSE_QR;
  options.max_num_iterations = 200;
  options.function_tolerance = 1e-10;
  options.num_threads = 1;
  options.logging_type = ceres::SILENT;
  ceres::Solver::Summary summary;
  ceres::Solve(options, &problem, &summary);
  return fit;
}

}  // namespace

models::StartupModel fit_startup(const std::vector<StartupRow>& rows,
                                 const std::vector<bool>& used) {
  const Fit fit = solve(rows, used);
  models::StartupModel out;
  models::StartupSeconds& s = out.seconds;
  double* const terms[] = {&s.base,        &s.multi_gpu, &s.log2_gpus,  &s.layer,
                           &s.load_per_gb, &s.compile,   &s.first_start};
  for (std::size_t i = 0; i < std::size(terms); ++i) *terms[i] = std::exp(fit.global[i]);
  out.download_bytes_per_s = kGb / std::exp(fit.global[kGlobal - 1]);
  for (const auto& [cloud, value] : fit.clouds) {
    out.factors.push_back({cloud, "", value, fit.cloud_rows.at(cloud)});
    const auto cold = fit.cold_rows.find(cloud);
    if (cold == fit.cold_rows.end()) continue;
    out.clouds.push_back(
        {cloud, out.download_bytes_per_s / std::exp(fit.downloads.at(cloud)), cold->second});
  }
  for (const auto& [gpu, value] : fit.gpus)
    out.factors.push_back({"", gpu, value, fit.gpu_rows.at(gpu)});
  for (const auto& [pair, value] : fit.pairs) {
    const std::size_t bar = pair.find('|');
    out.factors.push_back(
        {pair.substr(0, bar), pair.substr(bar + 1), value, fit.pair_rows.at(pair)});
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!used[i] || !rows[i].left_out.empty()) continue;
    out.weight_bytes_max = std::max(out.weight_bytes_max, rows[i].query.weight_bytes);
    out.gpus_max = std::max(out.gpus_max, rows[i].query.gpus);
  }
  return out;
}

std::vector<double> predict_held_out(const std::vector<StartupRow>& rows,
                                     const StartupGroup& group) {
  std::set<std::string> groups;
  for (const StartupRow& row : rows) groups.insert(group(row));
  std::vector<double> out(rows.size(), 0.0);
  for (const std::string& held : groups) {
    std::vector<bool> used(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) used[i] = group(rows[i]) != held;
    const models::StartupModel model = fit_startup(rows, used);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!used[i] && rows[i].left_out.empty()) out[i] = model.distribution(rows[i].query).median_s;
    }
  }
  return out;
}

}  // namespace eph::calibration
