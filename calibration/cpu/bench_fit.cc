#include "calibration/cpu/bench_fit.h"

#include <ceres/ceres.h>

#include <array>
#include <cmath>
#include <map>
#include <set>

#include "calibration/parallel.h"

namespace eph::calibration {
namespace {

constexpr std::size_t kClass = 5, kKind = 5, kMachine = 3;
using ClassLogs = std::array<double, kClass>;  // in the order of models::CpuClass
using KindLogs = std::array<double, kKind>;    // in the order of models::CpuKindRates
using MachineLogs = std::array<double, kMachine>;

// Where classes start: small matrix, attention, head overhead, KV read, growth of the pause; and
// how many e-folds they may differ from it.
constexpr ClassLogs kClassStart{700, 1.5, 300, 5, 0.5};
constexpr ClassLogs kClassSd{1.5, 1, 1, 1, 0.4};

// Where a kind starts, by its vector instructions: pause in us, B/s of a core and of all, FLOP/s of
// a core and of all. The orders of magnitude of the instructions' width and of memory channels.
struct KindStart {
  std::string_view cls;
  KindLogs values;
};
constexpr KindStart kKindStarts[] = {
    {"avx", {40, 15e9, 100e9, 50e9, 3e12}},      {"avx2", {30, 20e9, 100e9, 90e9, 3e12}},
    {"avx512", {20, 15e9, 200e9, 110e9, 8e12}},  {"amx", {8, 11e9, 350e9, 500e9, 5e12}},
    {"neon", {100, 15e9, 300e9, 25e9, 1.5e12}},  {"sve", {70, 20e9, 400e9, 45e9, 3e12}},
    {"cuda", {10, 500e9, 1500e9, 20e12, 100e12}}};
constexpr KindLogs kKindSd{0.7, 0.5, 0.8, 0.6, 0.8};
constexpr KindLogs kGpuKindSd{1, 1.5, 1.5, 1.5, 1.5};  // GPUs differ far more among themselves

// How far machines of one kind were expected to differ: pause, bandwidth, arithmetic.
constexpr MachineLogs kMachineSd{0.5, 0.3, 0.2};
constexpr double kResidual = 0.1;

KindLogs kind_start(const std::string& cls) {
  for (const KindStart& start : kKindStarts) {
    if (start.cls == cls) return start.values;
  }
  return kKindStarts[1].values;
}

struct RowCost {
  const BenchRow* row;

  template <class T>
  bool operator()(const T* cls, const T* kind, const T* machine, T* residual) const {
    using std::exp;
    using std::log;
    const double cores = row->cores;
    const T sync = exp(kind[0] + machine[0] + exp(cls[4]) * std::log(cores)) * 1e-6;
    const T s_per_byte = (exp(-kind[1]) / cores + exp(-kind[2])) * exp(-machine[1]);
    const T s_per_flop = (exp(-kind[3]) / cores + exp(-kind[4])) * exp(-machine[2]);
    const T seconds = models::cpu_seconds<T>(row->work, row->hidden, sync, s_per_byte, s_per_flop,
                                             exp(cls[0]), exp(cls[1]), exp(cls[2]), exp(cls[3]));
    residual[0] = (log(seconds) + std::log(row->tokens_per_s)) / kResidual;
    return true;
  }
};

template <std::size_t kSize>
struct Prior {
  std::array<double, kSize> mean, sd;
  template <class T>
  bool operator()(const T* x, T* residual) const {
    for (std::size_t i = 0; i < kSize; ++i) residual[i] = (x[i] - mean[i]) / sd[i];
    return true;
  }
};

template <std::size_t kSize>
std::array<double, kSize> logs(std::array<double, kSize> values) {
  for (double& v : values) v = std::log(v);
  return values;
}

template <std::size_t kSize>
void add_prior(ceres::Problem& problem, std::array<double, kSize>& x,
               const std::array<double, kSize>& mean, const std::array<double, kSize>& sd) {
  constexpr int kN = static_cast<int>(kSize);
  problem.AddResidualBlock(
      new ceres::AutoDiffCostFunction<Prior<kSize>, kN, kN>(new Prior<kSize>{mean, sd}), nullptr,
      x.data());
}

struct Level {
  std::string cls, cloud, machine;
  std::size_t rows = 0;
};

struct Fit {
  std::map<std::string, ClassLogs> classes;
  std::map<std::string, KindLogs> kinds;
  std::map<std::string, MachineLogs> machines;
  std::map<std::string, Level> kind_facts, machine_facts;
};

Fit solve(const std::vector<BenchRow>& rows, const std::vector<bool>& used) {
  Fit fit;
  ceres::Problem problem;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const BenchRow& row = rows[i];
    if (!used[i] || !row.left_out.empty()) continue;
    fit.classes.try_emplace(row.cls, logs(kClassStart));
    fit.kinds.try_emplace(row.kind, logs(kind_start(row.cls)));
    Level& kind = fit.kind_facts[row.kind];
    kind.cls = row.cls;
    ++kind.rows;
    Level& machine = fit.machine_facts[row.machine_key()];
    machine.cloud = row.cloud;
    machine.machine = row.machine;
    ++machine.rows;
    using Cost = ceres::AutoDiffCostFunction<RowCost, 1, kClass, kKind, kMachine>;
    problem.AddResidualBlock(new Cost(new RowCost{&row}), new ceres::SoftLOneLoss(1.0),
                             fit.classes.at(row.cls).data(), fit.kinds.at(row.kind).data(),
                             fit.machines[row.machine_key()].data());
  }
  for (auto& [name, x] : fit.classes) add_prior(problem, x, logs(kClassStart), kClassSd);
  for (auto& [name, x] : fit.kinds) {
    const std::string& cls = fit.kind_facts.at(name).cls;
    add_prior(problem, x, logs(kind_start(cls)), cls == "cuda" ? kGpuKindSd : kKindSd);
  }
  for (auto& [name, x] : fit.machines) add_prior(problem, x, MachineLogs{}, kMachineSd);
  ceres::Solver::Options options;
  options.linear_solver_type = ceres::SPARSE_NORMAL_CHOLESKY;
  options.max_num_iterations = 100;
  options.function_tolerance = 1e-8;
  options.num_threads = 1;
  options.logging_type = ceres::SILENT;
  ceres::Solver::Summary summary;
  ceres::Solve(options, &problem, &summary);
  return fit;
}

}  // namespace

models::CpuProfile fit_bench(const std::vector<BenchRow>& rows, const std::vector<bool>& used) {
  const Fit fit = solve(rows, used);
  models::CpuProfile out;
  for (const auto& [name, x] : fit.classes) {
    out.classes.push_back(
        {name, std::exp(x[0]), std::exp(x[1]), std::exp(x[2]), std::exp(x[3]), std::exp(x[4])});
  }
  for (const auto& [name, x] : fit.kinds) {
    const Level& facts = fit.kind_facts.at(name);
    out.kinds.push_back({name, facts.cls, std::exp(x[0]), std::exp(x[1]), std::exp(x[2]),
                         std::exp(x[3]), std::exp(x[4]), facts.rows});
  }
  for (const auto& [key, x] : fit.machines) {
    const Level& facts = fit.machine_facts.at(key);
    out.machines.push_back({facts.machine, facts.cloud, x[0], x[1], x[2], facts.rows});
  }
  std::set<std::string> models, precisions;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!used[i] || !rows[i].left_out.empty()) continue;
    models.insert(rows[i].model);
    precisions.insert(rows[i].precision);
  }
  out.models.assign(models.begin(), models.end());
  out.precisions.assign(precisions.begin(), precisions.end());
  return out;
}

double predict_bench(const models::CpuProfile& profile, const BenchRow& row, bool as_new) {
  models::GpuSpec place;
  place.architecture = row.kind;
  place.cpu_cores = row.cores;
  place.cpu_cloud = row.cloud;
  if (!as_new) place.name = row.machine;
  const auto rates = profile.rates(place);
  if (!rates) return 0;
  return 1 / models::cpu_seconds(row.work, row.hidden, rates->sync_s, 1 / rates->bytes_per_s,
                                 1 / rates->flops_per_s, rates->small_matrix, rates->attention,
                                 rates->head_overhead, rates->kv_read);
}

std::vector<double> predict_held_out(const std::vector<BenchRow>& rows, const BenchGroup& group,
                                     int threads) {
  std::set<std::string> names;
  for (const BenchRow& row : rows) names.insert(group(row));
  const std::vector<std::string> groups(names.begin(), names.end());
  std::vector<double> out(rows.size(), 0.0);
  parallel_for(groups.size(), threads, [&](std::size_t g) {
    std::vector<bool> used(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) used[i] = group(rows[i]) != groups[g];
    const models::CpuProfile profile = fit_bench(rows, used);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!used[i] && rows[i].left_out.empty()) out[i] = predict_bench(profile, rows[i]);
    }
  });
  return out;
}

}  // namespace eph::calibration
