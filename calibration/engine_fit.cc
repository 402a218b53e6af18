#include "calibration/engine_fit.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "calibration/free_coefficients.h"
#include "core/assert.h"

namespace eph::calibration {
namespace {

using Eigen::Index;
using Level = Hierarchy::Level;

// Reweighted solutions of one linear problem until its pseudo-Huber weights settle.
constexpr int kReweightings = 6;
// Ranks at which residual surfaces are kept.
constexpr std::array kTensorRanks{1, 2, 4, 8};

std::vector<Observation> observe(const std::vector<DataRow>& rows, const HyperParameters& hyper) {
  std::vector<Observation> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (const Figure figure : fitted_figures(rows[i].plan)) {
      out.push_back({i, figure, std::log(*rows[i].plan.measured[figure]),
                     noise_sd(hyper, rows[i].plan, figure)});
    }
  }
  return out;
}

// Mean number of decoding sequences: the loop's concurrency, or by Little's law of what a sweep measures.
double decode_batch(const DataRow& row) {
  const auto& rate = row.plan.measured[Figure::achieved_rps];
  const auto& itl = row.plan.measured[Figure::itl_p50];
  const auto cap = static_cast<double>(std::max<std::int64_t>(1, row.concurrency));
  if (row.plan.protocol != Protocol::constant || !rate || !itl) return cap;
  return std::clamp(*rate * static_cast<double>(row.osl) * *itl * 1e-3, 1.0, cap);
}

models::CoefficientValues shifted(models::CoefficientValues values, const std::vector<double>& shifts) {
  for (std::size_t c = 0; c < values.size(); ++c) {
    const models::CoefficientInfo& info = models::coefficient_info(static_cast<models::Coefficient>(c));
    if (shifts[c] != 0) values[c] = std::clamp(values[c] + shifts[c], info.lower, info.upper);
  }
  return values;
}

std::string model_name(const RowTraits& t) { return t.model.substr(0, t.model.find('|')); }

}  // namespace

struct EngineFitter::State {
  const std::vector<DataRow>& rows;
  models::EngineKind engine;
  FitOptions options;
  HyperParameters hyper;
  std::vector<RowTraits> traits;
  std::vector<Observation> observations;
  RowPredictor predictor;
  Hierarchy hierarchy;
  models::CoefficientValues start;
  Eigen::MatrixXd slopes, covariance;
  std::optional<EngineFit> all;
  std::size_t simulations = 0;

  State(const std::vector<DataRow>& r, models::EngineKind e, const FitOptions& o)
      : rows(r),
        engine(e),
        options(o),
        hyper(hyper_parameters(e)),
        traits([&] {
          std::vector<RowTraits> out;
          for (const DataRow& row : r) out.push_back(traits_of(row, e, decode_batch(row)));
          return out;
        }()),
        observations(observe(r, hyper)),
        predictor(r, o.seed),
        hierarchy(e, traits, observations, hyper),
        start(engine_start(e)) {}

  void linearise_at(const std::vector<RowState>& states) {
    Linearisation l = linearise(predictor, rows, observations, states, hierarchy.free(), options.threads);
    simulations += l.simulations;
    slopes = std::move(l.slopes);
    covariance = hierarchy.covariance(slopes);
  }
  [[nodiscard]] std::vector<RowState> states_of(const EngineFit& fit) const {
    std::vector<RowState> out;
    for (const DataRow& row : rows) out.push_back(fit.state_for(row));
    return out;
  }
  // Mean of the linear model at the states actually simulated: bounds and knots included.
  [[nodiscard]] Eigen::VectorXd moved(const std::vector<RowState>& states, const EngineFit& fit) const;
  [[nodiscard]] models::EngineProfile profile_of(const Eigen::VectorXd& a, const std::vector<bool>& skip) const;
  [[nodiscard]] EngineFit run(const std::vector<bool>& skip) const;
};

Eigen::VectorXd EngineFitter::State::moved(const std::vector<RowState>& states, const EngineFit& fit) const {
  Eigen::VectorXd out(static_cast<Index>(observations.size()));
  for (std::size_t i = 0; i < observations.size(); ++i) {
    const std::size_t row = observations[i].row;
    const RowState& s = states[row];
    const RowTraits& t = traits[row];
    const auto at = static_cast<Index>(i);
    double sum = 0;
    for (std::size_t c = 0; c < models::kCoefficientCount; ++c) {
      sum += slopes(at, static_cast<Index>(c)) * (s.values[c] - start[c]);
    }
    sum += slopes(at, static_cast<Index>(kHostDirection)) * std::log(s.host_speed);
    sum += slopes(at, static_cast<Index>(kDecodeDirection)) *
           s.residual.decode_at(std::exp2(t.decode_seqs), std::exp2(t.context));
    sum += slopes(at, static_cast<Index>(kPrefillDirection)) * s.residual.prefill_at(std::exp2(t.prompt_step));
    if (observations[i].figure == Figure::mean_ttft) sum += fit.first_token_log(rows[row]);
    out[at] = sum;
  }
  return out;
}

models::EngineProfile EngineFitter::State::profile_of(const Eigen::VectorXd& a, const std::vector<bool>& skip) const {
  models::EngineProfile profile;
  profile.engine = engine;
  profile.gpu = rows.front().plan.deployment.gpu_name;
  profile.operators = rows.front().plan.deployment.context.operators;
  std::map<std::string, const RowTraits*> families, by_model, deployments, hosts;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    families.emplace(traits[i].family, &traits[i]);
    if (!rows[i].fitted || (!skip.empty() && skip[i])) continue;
    by_model.emplace(traits[i].model, &traits[i]);
    deployments.emplace(traits[i].deployment, &traits[i]);
    if (!rows[i].plan.host.empty()) hosts.emplace(traits[i].host, &traits[i]);
  }
  const auto surfaces = [&](models::Correction c, const RowTraits& t, bool with_model) {
    for (const int ranks : kTensorRanks) {
      c.tensor = ranks;
      c.residual = hierarchy.residual(slopes, a, t, ranks, with_model);
      profile.corrections.push_back(c);
    }
  };
  for (const auto& [family, t] : families) {
    models::Correction c;
    c.family = family;
    c.values = shifted(start, hierarchy.shifts(slopes, a, *t, Level::family));
    if (family.empty() || families.size() == 1) profile.values = c.values;
    surfaces(c, *t, false);
  }
  for (const auto& [key, t] : by_model) {
    models::Correction c;
    c.model = model_name(*t);
    c.weights = t->weights;
    c.values = shifted(start, hierarchy.shifts(slopes, a, *t, Level::model));
    surfaces(c, *t, true);
  }
  for (const auto& [key, t] : deployments) {
    models::Correction c;
    c.model = model_name(*t);
    c.weights = t->weights;
    c.tensor = t->layout.tensor;
    c.expert = t->layout.expert;
    c.values = shifted(start, hierarchy.shifts(slopes, a, *t, Level::deployment));
    c.residual = hierarchy.residual(slopes, a, *t, t->layout.tensor, true);
    profile.corrections.push_back(c);
  }
  for (const auto& [host, t] : hosts) {
    profile.hosts.push_back({host, std::exp(hierarchy.log_host(slopes, a, host))});
  }
  profile.first_token = hierarchy.first_token(a);
  return profile;
}

EngineFit EngineFitter::State::run(const std::vector<bool>& skip) const {
  const auto n = static_cast<Index>(observations.size());
  std::vector<Index> used;
  for (Index i = 0; i < n; ++i) {
    const std::size_t row = observations[static_cast<std::size_t>(i)].row;
    if (rows[row].fitted && (skip.empty() || !skip[row])) used.push_back(i);
  }
  EngineFit out;
  out.profile = profile_of(Eigen::VectorXd::Zero(n), skip);
  // Priors have nothing on hosts; they start at 1.
  Eigen::VectorXd measured(n), noise(n);
  for (Index i = 0; i < n; ++i) {
    measured[i] = observations[static_cast<std::size_t>(i)].log_measured;
    noise[i] = observations[static_cast<std::size_t>(i)].noise_sd;
  }
  Eigen::VectorXd weights = Eigen::VectorXd::Ones(n);
  Eigen::MatrixXd inverse;
  std::vector<Observation> train;
  for (const Index i : used) train.push_back(observations[static_cast<std::size_t>(i)]);
  for (int iteration = 0; iteration < options.iterations; ++iteration) {
    const std::vector<RowState> states = states_of(out);
    const Predictions predicted = predict_observations(predictor, train, states, Stage::shortened, options.threads);
    out.simulations += predicted.simulations;
    const Eigen::VectorXd gone = moved(states, out);
    // Observations whose row could not be simulated say nothing this time.
    std::vector<Index> kept;
    std::vector<double> target;
    double squares = 0;
    for (std::size_t k = 0; k < used.size(); ++k) {
      const Index i = used[k];
      double log_predicted = predicted.log_predicted[k];
      if (!std::isfinite(log_predicted)) continue;
      const Observation& o = observations[static_cast<std::size_t>(i)];
      if (o.figure == Figure::mean_ttft) log_predicted += out.first_token_log(rows[o.row]);
      const double residual = measured[i] - log_predicted;
      squares += weights[i] * residual * residual / (noise[i] * noise[i]);
      kept.push_back(i);
      target.push_back(residual + gone[i]);
    }
    out.failed_rows = used.size() - kept.size();
    const double spread = std::sqrt(squares / std::max<double>(1, static_cast<double>(kept.size())));
    if (iteration == 0) out.start_spread = spread;
    out.final_spread = spread;
    const auto m = static_cast<Index>(kept.size());
    const Eigen::MatrixXd prior = covariance(kept, kept);
    const Eigen::VectorXd y = Eigen::Map<const Eigen::VectorXd>(target.data(), m);
    Eigen::VectorXd dual;
    Eigen::LLT<Eigen::MatrixXd> factor;
    for (int pass = 0; pass < kReweightings; ++pass) {
      Eigen::MatrixXd noisy = prior;
      for (Index k = 0; k < m; ++k) noisy(k, k) += noise[kept[static_cast<std::size_t>(k)]] *
                                                   noise[kept[static_cast<std::size_t>(k)]] /
                                                   weights[kept[static_cast<std::size_t>(k)]];
      factor.compute(noisy);
      EPH_ASSERT(factor.info() == Eigen::Success, "covariance of {} observations is not positive definite", m);
      dual = factor.solve(y);
      const Eigen::VectorXd residual = y - prior * dual;
      for (Index k = 0; k < m; ++k) {
        const Index i = kept[static_cast<std::size_t>(k)];
        const double z = residual[k] / noise[i] / hyper.robust;
        weights[i] = 1 / std::sqrt(1 + z * z);
      }
    }
    Eigen::VectorXd a = Eigen::VectorXd::Zero(n);
    for (Index k = 0; k < m; ++k) a[kept[static_cast<std::size_t>(k)]] = dual[k];
    out.profile = profile_of(a, skip);
    if (iteration + 1 < options.iterations) continue;
    // Predictive deviations and the coefficients' covariance, at the last weights.
    out.log_sd.resize(static_cast<std::size_t>(n));
    const Eigen::MatrixXd reach = covariance(kept, Eigen::all);
    const Eigen::MatrixXd half = factor.matrixL().solve(reach);
    for (Index i = 0; i < n; ++i) {
      const double variance = covariance(i, i) - half.col(i).squaredNorm() + noise[i] * noise[i];
      out.log_sd[static_cast<std::size_t>(i)] = std::sqrt(std::max(variance, noise[i] * noise[i]));
    }
    inverse = factor.solve(Eigen::MatrixXd::Identity(m, m));
    out.profile.fitted = hierarchy.free();
    out.profile.covariance =
        hierarchy.engine_covariance(slopes(kept, Eigen::all), inverse, hierarchy.free());
  }
  out.rows = 0;
  for (std::size_t k = 0; k < train.size(); ++k) out.rows += k == 0 || train[k].row != train[k - 1].row ? 1 : 0;
  out.observations = train.size();
  return out;
}

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
  return fmt::format("{} observations of {} rows: spread {:.2f} -> {:.2f} noise deviations, {} simulations, "
                     "{} observations not simulated",
                     observations, rows, start_spread, final_spread, simulations, failed_rows);
}

EngineFitter::EngineFitter(std::unique_ptr<State> state) : state_(std::move(state)) {}
EngineFitter::~EngineFitter() = default;
EngineFitter::EngineFitter(EngineFitter&&) noexcept = default;
EngineFitter& EngineFitter::operator=(EngineFitter&&) noexcept = default;

Result<EngineFitter> EngineFitter::create(const std::vector<DataRow>& rows, models::EngineKind engine,
                                          const FitOptions& options) {
  if (auto ok = options.validate(); !ok) return ok.error();
  auto state = std::make_unique<State>(rows, engine, options);
  if (state->observations.empty()) {
    return usage_error("no measured row to fit", "check engine, GPU and data folder");
  }
  std::vector<RowState> states(rows.size());
  for (RowState& s : states) s.values = state->start;
  for (int l = 0; l < options.linearisations; ++l) {
    state->linearise_at(states);
    state->all = state->run({});
    states = state->states_of(*state->all);
  }
  state->all->simulations += state->simulations;
  return EngineFitter(std::move(state));
}

Result<EngineFit> EngineFitter::fit(const std::vector<bool>& skip) const {
  if (!skip.empty() && std::all_of(skip.begin(), skip.end(), [](bool s) { return s; })) {
    return usage_error("every row is held out", "hold out less");
  }
  return state_->run(skip);
}

const EngineFit& EngineFitter::all() const { return *state_->all; }
const std::vector<Observation>& EngineFitter::observations() const { return state_->observations; }

Result<EngineFit> fit_engine(const std::vector<DataRow>& rows, const std::vector<bool>& skip,
                             models::EngineKind engine, const FitOptions& options) {
  const auto fitter = EngineFitter::create(rows, engine, options);
  if (!fitter) return fitter.error();
  return fitter->fit(skip);
}

}  // namespace eph::calibration
