#include "calibration/engine_fit.h"

#include <algorithm>
#include <map>
#include <set>

#include "calibration/free_coefficients.h"

namespace eph::calibration {
namespace {

FitRow fit_row(const DataRow& row) { return {&row.fit_plan, fit_terms(row.plan)}; }

FitProblem engine_problem(const std::vector<DataRow>& rows, const std::vector<bool>& skip,
                          models::EngineKind engine) {
  FitProblem problem;
  problem.start = engine_start(engine);
  problem.free = free_coefficients(engine);
  std::set<std::string> hosts;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].fitted || (!skip.empty() && skip[i])) continue;
    FitRow row = fit_row(rows[i]);
    if (row.terms.empty()) continue;
    problem.rows.push_back(std::move(row));
    if (is_other_host(rows[i].plan.host)) hosts.insert(rows[i].plan.host);
  }
  for (const std::string& host : hosts) problem.hosts.push_back({host, kHostPriorSd, 1.0});
  return problem;
}

// Hosts keep the speed that the engine-wide fit found.
void fix_hosts(const EngineFit& fit, FitProblem& problem) {
  for (std::size_t h = 0; h < fit.hosts.size(); ++h) {
    problem.fixed_hosts.push_back({fit.hosts[h].host, 0, fit.engine_wide.host_speeds[h]});
  }
}

}  // namespace

const models::CoefficientValues& EngineFit::values_for(const std::string& model) const {
  for (const models::ModelCorrection& c : corrections) {
    if (c.model == model) return c.values;
  }
  return engine_wide.values;
}

double EngineFit::host_speed(const std::string& host) const {
  for (std::size_t h = 0; h < hosts.size(); ++h) {
    if (hosts[h].host == host) return engine_wide.host_speeds[h];
  }
  return 1.0;
}

Result<EngineFit> fit_engine(const std::vector<DataRow>& rows, const std::vector<bool>& skip,
                             models::EngineKind engine, const FitOptions& options) {
  EngineFit out;
  const FitProblem problem = engine_problem(rows, skip, engine);
  auto engine_wide = fit(problem, options);
  if (!engine_wide) return engine_wide.error();
  out.engine_wide = std::move(*engine_wide);
  out.hosts = problem.hosts;
  out.simulations = out.engine_wide.simulations;

  std::map<std::string, std::vector<std::size_t>> by_model;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].fitted && (skip.empty() || !skip[i])) by_model[rows[i].model].push_back(i);
  }
  FitOptions correction_options = options;
  correction_options.covariance = false;
  for (const auto& [model, members] : by_model) {
    if (members.size() < kRowsForCorrection) continue;
    FitProblem one;
    one.start = out.engine_wide.values;
    for (const std::size_t i : members) {
      FitRow row = fit_row(rows[i]);
      if (!row.terms.empty()) one.rows.push_back(std::move(row));
    }
    if (one.rows.empty()) continue;
    one.free = correction_coefficients(engine, out.engine_wide.values,
                                       rows[members.front()].plan.deployment.context);
    fix_hosts(out, one);
    auto corrected = fit(one, correction_options);
    if (!corrected) return corrected.error();
    out.simulations += corrected->simulations;
    if (corrected->usable) out.corrections.push_back({model, corrected->values});
  }
  return out;
}

}  // namespace eph::calibration
