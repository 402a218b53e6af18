#include "calibration/engine_fit.h"

#include <algorithm>
#include <set>

#include "calibration/family_fit.h"

namespace eph::calibration {

struct EngineFitter::State {
  const std::vector<DataRow>& rows;
  RowPredictor predictor;
  std::vector<FamilyFit> families;  // that of current versions last
  std::vector<Observation> observations;
};

Result<void> FitOptions::validate() const {
  if (iterations < 1 || iterations > 100) return usage_error(fmt::format("{} iterations are not in 1..100", iterations));
  if (linearisations < 1 || linearisations > 20) {
    return usage_error(fmt::format("{} linearisations are not in 1..20", linearisations));
  }
  return {};
}

RowState EngineFit::state_for(const DataRow& row) const {
  const models::StepContext& context = row.plan.deployment.context;
  const auto found = profile.find(context, models::version_family(profile.engine, row.engine_version));
  RowState state;
  state.values = *found.values;
  if (found.residual != nullptr) state.residual = *found.residual;
  state.host_speed = profile.speed_of(row.plan.host).value_or(1.0);
  return state;
}

double EngineFit::first_token_log(const DataRow& row) const {
  if (!has_undocumented_ramp(row.plan.protocol)) return 0;
  const models::StepContext& context = row.plan.deployment.context;
  return profile.first_token.log_factor(fmt::format("{}|{}", row.model, models::name(context.llm.weights)),
                                        static_cast<double>(row.concurrency), static_cast<double>(row.isl),
                                        static_cast<double>(row.osl), context.layout.tensor);
}

std::string EngineFit::brief_report() const {
  return fmt::format("{} observations of {} rows: cost {:.1f} -> {:.1f}, {} simulations, {} observations not simulated",
                     observations, rows, start_cost, final_cost, simulations, failed);
}

EngineFitter::EngineFitter(std::unique_ptr<State> state) : state_(std::move(state)) {}
EngineFitter::~EngineFitter() = default;
EngineFitter::EngineFitter(EngineFitter&&) noexcept = default;
EngineFitter& EngineFitter::operator=(EngineFitter&&) noexcept = default;

Result<EngineFitter> EngineFitter::create(const std::vector<DataRow>& rows, models::EngineKind engine,
                                          const FitOptions& options) {
  if (auto ok = options.validate(); !ok) return ok.error();
  std::set<std::string, std::greater<>> names;  // "" sorts last
  for (const DataRow& row : rows) {
    if (!fitted_figures(row.plan).empty()) names.emplace(models::version_family(engine, row.engine_version));
  }
  if (names.empty()) return usage_error("no measured row to fit", "check engine, GPU and data folder");
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
    // Coefficients and covariance of the profile itself are those of the last family, the current one.
    models::EngineProfile profile = std::move(one.profile);
    const auto append = [](auto& list, const auto& more) { list.insert(list.end(), more.begin(), more.end()); };
    append(out.profile.corrections, profile.corrections);
    append(out.profile.hosts, profile.hosts);
    if (!out.profile.first_token.points.empty()) profile.first_token = std::move(out.profile.first_token);
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

Result<EngineFit> fit_engine(const std::vector<DataRow>& rows, const std::vector<bool>& skip,
                             models::EngineKind engine, const FitOptions& options) {
  const auto fitter = EngineFitter::create(rows, engine, options);
  if (!fitter) return fitter.error();
  return fitter->fit(skip);
}

}  // namespace eph::calibration
