#include "calibration/engine_fit.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "calibration/family_fit.h"
#include "calibration/hyperparameters.h"
#include "core/stats.h"

namespace eph::calibration {

struct EngineFitter::State {
  const std::vector<DataRow>& rows;
  RowPredictor predictor;
  std::vector<FamilyFit> families;  // that of current versions last
  std::vector<Observation> observations;
};

Result<void> FitOptions::validate() const {
  if (iterations < 1 || iterations > 100)
    return usage_error(fmt::format("{} iterations are not in 1..100", iterations));
  if (linearisations < 1 || linearisations > 20) {
    return usage_error(fmt::format("{} linearisations are not in 1..20", linearisations));
  }
  return {};
}

RowState EngineFit::state_for(const DataRow& row) const {
  const models::StepContext& context = row.plan.deployment.context;
  const auto found =
      profile.find(context, fit_family(profile.engine, row.engine_version, row.plan.protocol));
  RowState state;
  state.values = *found.values;
  if (found.residual != nullptr) state.residual = *found.residual;
  state.host_speed = profile.speed_of(row.plan.host).value_or(prior_host_speed(row.plan.host));
  return state;
}

double EngineFit::first_token_log(const DataRow& row) const {
  if (!has_undocumented_ramp(row.plan.protocol)) return 0;
  const models::StepContext& context = row.plan.deployment.context;
  return profile.first_token.log_factor(
      fmt::format("{}|{}", row.model, models::name(context.llm.weights)),
      static_cast<double>(row.concurrency), static_cast<double>(row.isl),
      static_cast<double>(row.osl), context.layout.tensor);
}

std::string EngineFit::brief_report() const {
  return fmt::format(
      "{} observations of {} rows: cost {:.1f} -> {:.1f}, {} simulations, {} observations not "
      "simulated",
      observations, rows, start_cost, final_cost, simulations, failed);
}

EngineFitter::EngineFitter(std::unique_ptr<State> state) : state_(std::move(state)) {}
EngineFitter::~EngineFitter() = default;
EngineFitter::EngineFitter(EngineFitter&&) noexcept = default;
EngineFitter& EngineFitter::operator=(EngineFitter&&) noexcept = default;

Result<EngineFitter> EngineFitter::create(const std::vector<DataRow>& rows,
                                          models::EngineKind engine, const FitOptions& options) {
  if (auto ok = options.validate(); !ok) return ok.error();
  std::set<std::string, std::greater<>> names;  // "" sorts last
  for (const DataRow& row : rows) {
    if (!fitted_figures(row.plan).empty())
      names.emplace(fit_family(engine, row.engine_version, row.plan.protocol));
  }
  if (names.empty())
    return usage_error("no measured row to fit", "check engine, GPU and data folder");
  auto state = std::make_unique<State>(State{rows, RowPredictor(rows, options.seed), {}, {}});
  for (const std::string& name : names) {
    state->families.emplace_back(rows, state->predictor, engine, name, options);
    const auto& own = state->families.back().observations();
    state->observations.insert(state->observations.end(), own.begin(), own.end());
  }
  return EngineFitter(std::move(state));
}

Result<EngineFit> EngineFitter::fit(const std::vector<bool>& skip) const {
  bool any = false;
  for (std::size_t i = 0; i < state_->rows.size(); ++i) {
    any = any || (state_->rows[i].fitted && (skip.empty() || !skip[i]));
  }
  if (!any) return usage_error("every row is held out", "hold out less");
  EngineFit out;
  for (const FamilyFit& family : state_->families) {
    EngineFit one = family.fit(skip);
    // Coefficients and covariance of the profile itself are those of the last family, the current
    // one.
    models::EngineProfile profile = std::move(one.profile);
    const auto append = [](auto& list, const auto& more) {
      list.insert(list.end(), more.begin(), more.end());
    };
    append(out.profile.corrections, profile.corrections);
    append(out.profile.hosts, profile.hosts);
    if (!out.profile.first_token.points.empty())
      profile.first_token = std::move(out.profile.first_token);
    profile.corrections = std::move(out.profile.corrections);
    profile.hosts = std::move(out.profile.hosts);
    out.profile = std::move(profile);
    out.rows += one.rows;
    out.observations += one.observations;
    out.simulations += one.simulations;
    out.failed += one.failed;
    out.start_cost += one.start_cost;
    out.final_cost += one.final_cost;
    append(out.log_sd, one.log_sd);
  }
  return out;
}

const std::vector<Observation>& EngineFitter::observations() const { return state_->observations; }

namespace {

constexpr std::size_t kCurveFolds = 5;

bool is_tpot(Figure f) { return f == Figure::mean_tpot || f == Figure::itl_p50; }
bool is_ttft(Figure f) { return f == Figure::mean_ttft || f == Figure::ttft_p50; }

// Rows by fold; folds of rows that share a key.
std::vector<std::vector<bool>> folds_by(const std::vector<DataRow>& rows,
                                        const std::function<std::string(const DataRow&)>& key) {
  std::map<std::string, std::vector<bool>> folds;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& fold = folds[key(rows[i])];
    fold.resize(rows.size(), false);
    fold[i] = true;
  }
  std::vector<std::vector<bool>> out;
  for (auto& [name, fold] : folds) out.push_back(std::move(fold));
  return out;
}

std::vector<std::vector<bool>> folds_of(const std::vector<DataRow>& rows,
                                        models::Familiarity familiarity) {
  switch (familiarity) {
    case models::Familiarity::engine:
      return folds_by(rows, [](const DataRow& r) { return r.model; });
    case models::Familiarity::model:
      return folds_by(
          rows, [](const DataRow& r) { return fmt::format("{}|{}", r.model, r.tensor_parallel); });
    case models::Familiarity::deployment:
      break;
  }
  std::vector<std::vector<bool>> folds(kCurveFolds, std::vector<bool>(rows.size(), false));
  std::size_t next = 0;
  for (const auto& curve : folds_by(rows, [](const DataRow& r) { return r.curve; })) {
    auto& fold = folds[next++ % kCurveFolds];
    for (std::size_t i = 0; i < rows.size(); ++i) fold[i] = fold[i] || curve[i];
  }
  return folds;
}

// Neither an open loop above 90 % of capacity nor a model that the host decides: both have errors
// of their own.
bool is_typical(const DataRow& row) {
  const bool saturated = row.plan.protocol == Protocol::constant && !row.plan.left_out.empty();
  return !saturated && !is_small_model(row.plan.deployment.context.llm);
}

// A fold of a whole model's rows says nothing about another layout of a known model.
bool leaves_model(const std::vector<DataRow>& rows, const std::vector<bool>& held) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; held[i] && j < rows.size(); ++j) {
      if (!held[j] && rows[j].model == rows[i].model) return true;
    }
  }
  return false;
}

std::optional<double> deviation(std::vector<double> sizes) {
  if (sizes.size() < 5) return std::nullopt;
  std::sort(sizes.begin(), sizes.end());
  return quantile_sorted(sizes, 0.9) / 1.645;
}

}  // namespace

std::array<models::ErrorSpread, 3> EngineFitter::spread() const {
  std::array<models::ErrorSpread, 3> out;
  models::ErrorSpread known{0, 0};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto familiarity = static_cast<models::Familiarity>(i);
    std::vector<double> tpot, ttft;
    for (const auto& fold : folds_of(state_->rows, familiarity)) {
      const bool all = std::all_of(fold.begin(), fold.end(), [](bool held) { return held; });
      if (all || (familiarity == models::Familiarity::model && !leaves_model(state_->rows, fold)))
        continue;
      for (const FamilyFit& family : state_->families) {
        const std::vector<double> residuals = family.linear_residuals(fold);
        for (std::size_t o = 0; o < residuals.size(); ++o) {
          const DataRow& row = state_->rows[family.observations()[o].row];
          if (!std::isfinite(residuals[o]) || !is_typical(row)) continue;
          const Figure figure = family.observations()[o].figure;
          if (is_tpot(figure)) tpot.push_back(std::abs(residuals[o]));
          if (is_ttft(figure)) ttft.push_back(std::abs(residuals[o]));
        }
      }
    }
    out[i].tpot = std::max(known.tpot, deviation(std::move(tpot)).value_or(2 * known.tpot));
    out[i].ttft = std::max(known.ttft, deviation(std::move(ttft)).value_or(2 * known.ttft));
    known = out[i];
  }
  return out;
}

Result<EngineFit> fit_engine(const std::vector<DataRow>& rows, const std::vector<bool>& skip,
                             models::EngineKind engine, const FitOptions& options) {
  const auto fitter = EngineFitter::create(rows, engine, options);
  if (!fitter) return fitter.error();
  return fitter->fit(skip);
}

}  // namespace eph::calibration
