#include "calibration/host_from_run.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "calibration/hyperparameters.h"
#include "calibration/replay.h"

namespace eph::calibration {
namespace {

constexpr double kSlowest = 4.0;  // and its inverse the fastest
constexpr int kHalvings = 14;     // of the logarithm's range: to 0.02 %
constexpr std::int64_t kEagerPrompt = 512;

bool is_known(const EngineFit& fit, const std::string& host) {
  return fit.profile.speed_of(host).has_value();
}

// Smaller is preferred.
std::tuple<bool, std::int64_t, std::size_t> preference(const DataRow& row, std::size_t index) {
  const auto parameters = models::count_parameters(row.plan.deployment.context.llm).total;
  return {row.isl <= kEagerPrompt, parameters, index};
}

// Predicted median TTFT over the measured one; 1 where nothing can be predicted.
double ttft_ratio(const DataRow& row, const EngineFit& fit, double speed, std::uint64_t seed) {
  const RowState state = fit.state_for(row);
  ReplayOptions options;
  options.seed = seed;
  options.machine.host_speed = speed;
  options.residual = &state.residual;
  const auto replayed = replay(row.fit_plan, state.values, options);
  if (!replayed || !replayed->figures[Figure::ttft_p50]) return 1;
  return *replayed->figures[Figure::ttft_p50] / *row.plan.measured[Figure::ttft_p50];
}

// TTFT grows with the host's speed factor: bisection on its logarithm.
double matching_speed(const DataRow& row, const EngineFit& fit, std::uint64_t seed) {
  double low = -std::log(kSlowest), high = std::log(kSlowest);
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    (ttft_ratio(row, fit, std::exp(middle), seed) > 1 ? high : low) = middle;
  }
  return std::exp((low + high) / 2);
}

}  // namespace

std::vector<HostFromRun> hosts_from_one_run(const std::vector<DataRow>& rows,
                                            std::span<const std::size_t> held, const EngineFit& fit,
                                            std::uint64_t seed) {
  std::map<std::string, std::size_t> best;
  for (const std::size_t i : held) {
    const RunPlan& plan = rows[i].plan;
    if (plan.protocol != Protocol::synchronous || !plan.is_scored(Figure::ttft_p50)) continue;
    if (plan.host.empty() || is_reference_host(plan.host) || is_known(fit, plan.host)) continue;
    const auto [at, fresh] = best.emplace(plan.host, i);
    if (!fresh && preference(rows[i], i) < preference(rows[at->second], at->second)) at->second = i;
  }
  std::vector<HostFromRun> out;
  for (const auto& [host, row] : best) {
    out.push_back({host, row, matching_speed(rows[row], fit, seed)});
  }
  return out;
}

EngineFit with_hosts(EngineFit fit, const std::vector<HostFromRun>& hosts) {
  for (const HostFromRun& host : hosts) {
    fit.profile.hosts.push_back({host.host, host.speed});
  }
  return fit;
}

}  // namespace eph::calibration
