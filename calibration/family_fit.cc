#include "calibration/family_fit.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "calibration/free_coefficients.h"
#include "calibration/hierarchy.h"
#include "core/assert.h"

namespace eph::calibration {
namespace {

using Eigen::Index;
using Level = Hierarchy::Level;

// Reweighted solutions of one linear problem until its pseudo-Huber weights settle.
constexpr int kReweightings = 4;
// Weight of an observation whose row could not be simulated.
constexpr double kNoWeight = 1e-6;
// A smaller relative gain ends the iterations.
constexpr double kEnoughGain = 2e-3;
// Ranks at which residual surfaces are kept.
constexpr std::array kTensorRanks{1, 2, 4, 8};

std::vector<Observation> observe(const std::vector<DataRow>& rows, models::EngineKind engine,
                                 std::string_view family, const HyperParameters& hyper) {
  std::vector<Observation> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (fit_family(engine, rows[i].engine_version, rows[i].plan.protocol) != family) continue;
    for (const Figure figure : fitted_figures(rows[i].plan)) {
      out.push_back({i, figure, std::log(*rows[i].plan.measured[figure]),
                     noise_sd(hyper, rows[i].plan, figure)});
    }
  }
  return out;
}

models::CoefficientValues shifted(models::CoefficientValues values,
                                  const std::vector<double>& shifts) {
  for (std::size_t c = 0; c < values.size(); ++c) {
    const models::CoefficientInfo& info =
        models::coefficient_info(static_cast<models::Coefficient>(c));
    if (shifts[c] != 0) values[c] = std::clamp(values[c] + shifts[c], info.lower, info.upper);
  }
  return values;
}

std::vector<RowTraits> traits_of_all(const std::vector<DataRow>& rows) {
  std::vector<RowTraits> out;
  for (const DataRow& row : rows) out.push_back(traits_of(row));
  return out;
}

std::string model_name(const RowTraits& t) { return t.model.substr(0, t.model.find('|')); }

}  // namespace

// The observations that a fit uses, and what it makes of them.
struct Training {
  std::vector<Index> used;  // observations, by position below
  std::vector<Observation> train;
  Eigen::VectorXd measured, noise;  // by position
};

// The problem linear around a state.
struct Linear {
  Eigen::MatrixXd slopes, covariance;
  std::size_t simulations = 0;
};

struct FamilyFit::State {
  const std::vector<DataRow>& rows;
  const RowPredictor& predictor;
  models::EngineKind engine;
  std::string family;
  FitOptions options;
  HyperParameters hyper;
  std::vector<RowTraits> traits;
  std::vector<Observation> observations;
  Hierarchy hierarchy;
  models::CoefficientValues start;
  // Derivatives and predictions at the start, which no measurement has touched: every fit begins
  // with them.
  Linear at_start;
  std::vector<double> log_start;  // by observation; NaN: not simulated

  State(const std::vector<DataRow>& r, const RowPredictor& p, models::EngineKind e, std::string f,
        const FitOptions& o)
      : rows(r),
        predictor(p),
        engine(e),
        family(std::move(f)),
        options(o),
        hyper(hyper_parameters(e, family)),
        traits(traits_of_all(r)),
        observations(observe(r, e, family, hyper)),
        hierarchy(e, family, traits, observations, hyper),
        start(engine_start(e, family)) {}

  [[nodiscard]] Linear linearise_at(const std::vector<RowState>& states) const {
    Linearisation l =
        linearise(predictor, rows, observations, states, hierarchy.free(), options.threads);
    Linear out{std::move(l.slopes), {}, l.simulations};
    out.covariance = hierarchy.covariance(out.slopes);
    return out;
  }
  [[nodiscard]] std::vector<RowState> start_states() const {
    std::vector<RowState> out(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      out[i].values = start;
      out[i].host_speed = prior_host_speed(traits[i].host);
    }
    return out;
  }
  [[nodiscard]] std::vector<RowState> states_of(const EngineFit& fit) const {
    std::vector<RowState> out;
    for (const DataRow& row : rows) out.push_back(fit.state_for(row));
    return out;
  }
  // Mean of the linear model at the states actually simulated: bounds and knots included.
  [[nodiscard]] Eigen::VectorXd moved(const Linear& linear, const std::vector<RowState>& states,
                                      const EngineFit& fit) const;
  [[nodiscard]] models::EngineProfile profile_of(const Linear& linear, const Eigen::VectorXd& a,
                                                 const std::vector<bool>& skip) const;
  // A state on the way: dual weights of the training observations, and what simulating it gave.
  struct Point {
    Eigen::VectorXd dual, residual,
        target;  // target: residual plus how far the linear model has gone
    std::vector<bool> simulated;
    EngineFit fit;
    double cost = 0;
    std::size_t simulations = 0;
  };
  [[nodiscard]] Training training(const std::vector<bool>& skip) const;
  [[nodiscard]] Point evaluate(const Training& t, const Linear& linear, const Eigen::VectorXd& dual,
                               const std::vector<bool>& skip) const;
  [[nodiscard]] Eigen::VectorXd posterior(const Training& t, const Eigen::MatrixXd& prior,
                                          const Point& now,
                                          Eigen::LLT<Eigen::MatrixXd>& factor) const;
  [[nodiscard]] EngineFit run(const std::vector<bool>& skip, const Linear& linear) const;
};

Eigen::VectorXd FamilyFit::State::moved(const Linear& linear, const std::vector<RowState>& states,
                                        const EngineFit& fit) const {
  Eigen::VectorXd out(static_cast<Index>(observations.size()));
  for (std::size_t i = 0; i < observations.size(); ++i) {
    const std::size_t row = observations[i].row;
    const RowState& s = states[row];
    const RowTraits& t = traits[row];
    const auto at = static_cast<Index>(i);
    double sum = 0;
    for (std::size_t c = 0; c < models::kCoefficientCount; ++c) {
      sum += linear.slopes(at, static_cast<Index>(c)) * (s.values[c] - start[c]);
    }
    sum += linear.slopes(at, static_cast<Index>(kHostDirection)) *
           std::log(s.host_speed / prior_host_speed(t.host));
    sum += linear.slopes(at, static_cast<Index>(kDecodeDirection)) *
           s.residual.decode_at(std::exp2(t.decode_seqs), std::exp2(t.context));
    sum += linear.slopes(at, static_cast<Index>(kPrefillDirection)) *
           s.residual.prefill_at(std::exp2(t.prompt_step));
    if (observations[i].figure == Figure::mean_ttft) sum += fit.first_token_log(rows[row]);
    out[at] = sum;
  }
  return out;
}

models::EngineProfile FamilyFit::State::profile_of(const Linear& linear, const Eigen::VectorXd& a,
                                                   const std::vector<bool>& skip) const {
  models::EngineProfile profile;
  profile.engine = engine;
  profile.gpu = rows.front().plan.deployment.gpu_name;
  profile.operators = rows.front().plan.deployment.context.operators;
  std::map<std::string, const RowTraits*> by_model, deployments, hosts;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool member = fit_family(engine, rows[i].engine_version, rows[i].plan.protocol) == family;
    if (!member || !rows[i].fitted || (!skip.empty() && skip[i])) continue;
    by_model.emplace(traits[i].model, &traits[i]);
    deployments.emplace(traits[i].deployment, &traits[i]);
    if (!rows[i].plan.host.empty()) hosts.emplace(traits[i].host, &traits[i]);
  }
  const auto surfaces = [&](models::Correction c, const RowTraits& t, bool with_model) {
    for (const int ranks : kTensorRanks) {
      c.tensor = ranks;
      c.residual = hierarchy.residual(linear.slopes, a, t, ranks, with_model);
      profile.corrections.push_back(c);
    }
  };
  models::Correction any;
  any.family = family;
  any.values = shifted(start, hierarchy.shifts(linear.slopes, a, {}, Level::engine));
  profile.values = any.values;
  surfaces(any, {}, false);
  const std::string load = family == models::kOfflineFamily ? family : std::string();
  for (const auto& [key, t] : by_model) {
    models::Correction c;
    c.family = load;
    c.model = model_name(*t);
    c.weights = t->weights;
    c.values = shifted(start, hierarchy.shifts(linear.slopes, a, *t, Level::model));
    surfaces(c, *t, true);
  }
  for (const auto& [key, t] : deployments) {
    models::Correction c;
    c.family = load;
    c.model = model_name(*t);
    c.weights = t->weights;
    c.tensor = t->layout.tensor;
    c.expert = t->layout.expert;
    c.values = shifted(start, hierarchy.shifts(linear.slopes, a, *t, Level::deployment));
    c.residual = hierarchy.residual(linear.slopes, a, *t, t->layout.tensor, true);
    profile.corrections.push_back(c);
  }
  for (const auto& [host, t] : hosts) {
    profile.hosts.push_back(
        {host, prior_host_speed(host) * std::exp(hierarchy.log_host(linear.slopes, a, host))});
  }
  profile.first_token = hierarchy.first_token(a);
  return profile;
}

Training FamilyFit::State::training(const std::vector<bool>& skip) const {
  Training t;
  for (std::size_t i = 0; i < observations.size(); ++i) {
    const std::size_t row = observations[i].row;
    if (!rows[row].fitted || (!skip.empty() && skip[row])) continue;
    t.used.push_back(static_cast<Index>(i));
    t.train.push_back(observations[i]);
  }
  t.measured.resize(static_cast<Index>(t.used.size()));
  t.noise.resize(static_cast<Index>(t.used.size()));
  for (std::size_t k = 0; k < t.used.size(); ++k) {
    t.measured[static_cast<Index>(k)] = t.train[k].log_measured;
    t.noise[static_cast<Index>(k)] = t.train[k].noise_sd;
  }
  return t;
}

// Simulates the training rows at the state that dual weights stand for.
FamilyFit::State::Point FamilyFit::State::evaluate(const Training& t, const Linear& linear,
                                                   const Eigen::VectorXd& dual,
                                                   const std::vector<bool>& skip) const {
  const auto n = static_cast<Index>(t.used.size());
  Point out;
  out.dual = dual;
  Eigen::VectorXd all_dual = Eigen::VectorXd::Zero(static_cast<Index>(observations.size()));
  for (Index k = 0; k < n; ++k) all_dual[t.used[static_cast<std::size_t>(k)]] = dual[k];
  out.fit.profile = profile_of(linear, all_dual, skip);
  const std::vector<RowState> states = states_of(out.fit);
  const Predictions predicted =
      predict_observations(predictor, t.train, states, Stage::shortened, options.threads);
  out.simulations = predicted.simulations;
  const Eigen::VectorXd gone = moved(linear, states, out.fit);
  out.residual.resize(n);
  out.target.resize(n);
  out.simulated.assign(static_cast<std::size_t>(n), true);
  for (Index k = 0; k < n; ++k) {
    const auto at = static_cast<std::size_t>(k);
    double log_predicted = predicted.log_predicted[at];
    if (t.train[at].figure == Figure::mean_ttft)
      log_predicted += out.fit.first_token_log(rows[t.train[at].row]);
    out.simulated[at] = std::isfinite(log_predicted);
    out.residual[k] = out.simulated[at] ? t.measured[k] - log_predicted : 0;
    out.target[k] = out.residual[k] + gone[t.used[at]];
    // Pseudo-Huber; a row that cannot be simulated is as bad as a factor of e^2.
    const double z = (out.simulated[at] ? out.residual[k] : 2.0) / t.noise[k] / hyper.robust;
    out.cost += hyper.robust * hyper.robust * (std::sqrt(1 + z * z) - 1);
  }
  const Eigen::MatrixXd prior = linear.covariance(t.used, t.used);
  out.cost += 0.5 * dual.dot(prior * dual);
  return out;
}

EngineFit FamilyFit::State::run(const std::vector<bool>& skip, const Linear& linear) const {
  const Training t = training(skip);
  const auto n = static_cast<Index>(t.used.size());
  const Eigen::MatrixXd prior = linear.covariance(t.used, t.used);
  Point now = evaluate(t, linear, Eigen::VectorXd::Zero(n), skip);
  std::size_t simulations_done = now.simulations;
  const double start_cost = now.cost;
  Eigen::LLT<Eigen::MatrixXd> factor;
  for (int iteration = 0; iteration < options.iterations; ++iteration) {
    const Eigen::VectorXd full = posterior(t, prior, now, factor);
    Point best = now;
    for (double share = 1; share > 0.1; share /= 2) {
      Point next = evaluate(t, linear, now.dual + share * (full - now.dual), skip);
      simulations_done += next.simulations;
      if (next.cost < best.cost) {
        best = std::move(next);
        break;
      }
    }
    const double gain = now.cost - best.cost;
    now = std::move(best);
    if (gain < kEnoughGain * now.cost) break;
  }
  static_cast<void>(posterior(t, prior, now, factor));  // at the last weights
  EngineFit out = std::move(now.fit);
  // Predictive deviations of all observations.
  out.log_sd.resize(observations.size());
  const Eigen::MatrixXd half = factor.matrixL().solve(linear.covariance(t.used, Eigen::all));
  for (std::size_t i = 0; i < observations.size(); ++i) {
    const auto at = static_cast<Index>(i);
    const double own = observations[i].noise_sd * observations[i].noise_sd;
    out.log_sd[i] =
        std::sqrt(std::max(0.0, linear.covariance(at, at) - half.col(at).squaredNorm()) + own);
  }
  out.profile.fitted = hierarchy.free();
  out.profile.covariance =
      hierarchy.engine_covariance(linear.slopes(t.used, Eigen::all),
                                  factor.solve(Eigen::MatrixXd::Identity(n, n)), hierarchy.free());
  for (std::size_t k = 0; k < t.train.size(); ++k) {
    out.rows += k == 0 || t.train[k].row != t.train[k - 1].row ? 1 : 0;
  }
  out.observations = t.train.size();
  out.failed =
      static_cast<std::size_t>(std::count(now.simulated.begin(), now.simulated.end(), false));
  out.simulations = simulations_done;
  out.start_cost = start_cost;
  out.final_cost = now.cost;
  return out;
}

// The linear model's posterior around a point, reweighted until its pseudo-Huber weights settle.
Eigen::VectorXd FamilyFit::State::posterior(const Training& t, const Eigen::MatrixXd& prior,
                                            const Point& now,
                                            Eigen::LLT<Eigen::MatrixXd>& factor) const {
  const auto n = static_cast<Index>(t.used.size());
  const auto weight = [&](double residual, Index k) {
    const double z = residual / t.noise[k] / hyper.robust;
    return now.simulated[static_cast<std::size_t>(k)] ? 1 / std::sqrt(1 + z * z) : kNoWeight;
  };
  Eigen::VectorXd weights(n), dual;
  for (Index k = 0; k < n; ++k) weights[k] = weight(now.residual[k], k);
  for (int pass = 0; pass < kReweightings; ++pass) {
    Eigen::MatrixXd noisy = prior;
    for (Index k = 0; k < n; ++k) noisy(k, k) += t.noise[k] * t.noise[k] / weights[k];
    factor.compute(noisy);
    EPH_ASSERT(factor.info() == Eigen::Success,
               "covariance of {} observations is not positive definite", n);
    dual = factor.solve(now.target);
    const Eigen::VectorXd residual = now.target - prior * dual;
    for (Index k = 0; k < n; ++k) weights[k] = weight(residual[k], k);
  }
  return dual;
}

FamilyFit::FamilyFit(const std::vector<DataRow>& rows, const RowPredictor& predictor,
                     models::EngineKind engine, std::string family, const FitOptions& options)
    : state_(std::make_unique<State>(rows, predictor, engine, std::move(family), options)) {
  if (state_->observations.empty()) return;
  const std::vector<RowState> states = state_->start_states();
  state_->at_start = state_->linearise_at(states);
  state_->log_start = predict_observations(predictor, state_->observations, states,
                                           Stage::shortened, options.threads)
                          .log_predicted;
}
FamilyFit::~FamilyFit() = default;
FamilyFit::FamilyFit(FamilyFit&&) noexcept = default;
FamilyFit& FamilyFit::operator=(FamilyFit&&) noexcept = default;

EngineFit FamilyFit::fit(const std::vector<bool>& skip) const {
  const State& s = *state_;
  EngineFit out = s.run(skip, s.at_start);
  for (int l = 1; l < s.options.linearisations; ++l) {
    const Linear here = s.linearise_at(s.states_of(out));
    EngineFit again = s.run(skip, here);
    again.simulations += out.simulations + here.simulations;
    out = std::move(again);
  }
  return out;
}

const std::vector<Observation>& FamilyFit::observations() const { return state_->observations; }

std::vector<double> FamilyFit::linear_residuals(const std::vector<bool>& held) const {
  const State& s = *state_;
  const Training t = s.training(held);
  const auto n = static_cast<Index>(t.used.size());
  State::Point start;
  start.residual.resize(n);
  start.simulated.resize(t.used.size());
  for (Index k = 0; k < n; ++k) {
    const double predicted =
        s.log_start[static_cast<std::size_t>(t.used[static_cast<std::size_t>(k)])];
    start.simulated[static_cast<std::size_t>(k)] = std::isfinite(predicted);
    start.residual[k] = std::isfinite(predicted) ? t.measured[k] - predicted : 0;
  }
  start.target = start.residual;
  Eigen::LLT<Eigen::MatrixXd> factor;
  const Eigen::MatrixXd prior = s.at_start.covariance(t.used, t.used);
  const Eigen::VectorXd mean =
      s.at_start.covariance(Eigen::all, t.used) * s.posterior(t, prior, start, factor);
  std::vector<double> out(s.observations.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!held[s.observations[i].row]) continue;
    out[i] = s.observations[i].log_measured - s.log_start[i] - mean[static_cast<Index>(i)];
  }
  return out;
}

}  // namespace eph::calibration
