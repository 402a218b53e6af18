#include "calibration/log_fit.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

#include "calibration/log_schedule.h"
#include "models/memory.h"
#include "models/op_times.h"

namespace eph::calibration {
namespace {

using models::CompactTerm;
using models::CompactValues;
using models::kCompactTerms;
constexpr int kTerms = static_cast<int>(kCompactTerms);
using Vector = Eigen::Matrix<double, kTerms, 1>;
using Matrix = Eigen::Matrix<double, kTerms, kTerms>;

constexpr int kRounds = 5;           // of exploring and descending
constexpr int kExplored = 12;        // simulations of the first phase
constexpr double kDamping = 0.7;     // of its steps
constexpr int kPasses = 30;          // linearisations
constexpr int kInner = 8;            // Gauss-Newton steps with a schedule held fixed
constexpr int kHalvings = 6;         // of a pass that the simulation does not confirm
constexpr double kConverged = 1e-4;  // share of the cost that a pass gains at least
constexpr std::size_t kFewest = 10;  // events

constexpr std::size_t at(CompactTerm term) { return static_cast<std::size_t>(term); }

// Sums over the steps of one replica: before step k, time and gradient of the steps 0 .. k - 1.
struct Sums {
  std::vector<double> time;
  std::vector<Vector> gradient;
};

std::vector<Sums> sum_steps(const StepTimes& steps, const models::CompactStepModel& model) {
  std::vector<Sums> out;
  for (const auto& replica : steps.replicas()) {
    Sums sums;
    sums.time.assign(1, 0.0);
    sums.gradient.assign(1, Vector::Zero());
    for (const auto& step : replica) {
      Vector row;
      model.gradient(step.shape, std::span<double>(row.data(), kCompactTerms));
      sums.time.push_back(sums.time.back() + model.seconds(step.shape));
      sums.gradient.push_back(sums.gradient.back() + row);
    }
    out.push_back(std::move(sums));
  }
  return out;
}

// Cauchy: events whose steps the simulation has mistaken are forgotten, at `scale` standard
// deviations.
constexpr double kScale = 2, kWidestScale = 32;
double weight(double residual, double scale) {
  return 1 / (1 + residual * residual / (scale * scale));
}
double loss(double residual) {
  return kScale * kScale * std::log1p(residual * residual / (kScale * kScale));
}
constexpr double kUnmatched =
    5;  // standard deviations charged where the simulation has another order

// A model, the run it makes, and how well that explains the events.
struct Trial {
  Vector theta;
  StepTimes steps;
  std::vector<TimedEvent> events;
  double cost = 0;  // robust, with the prior
};

// Normal equations of one linearisation.
struct Normal {
  Matrix a = Matrix::Zero();
  Vector b = Vector::Zero();
  double chi2 = 0, weights = 0;
};

struct Prior {
  Vector mean, precision;
};

Normal normal_equations(const std::vector<TimedEvent>& events, const std::vector<Sums>& sums,
                        const Vector& theta, const Prior& prior, double scale = kScale) {
  Normal n;
  for (const TimedEvent& e : events) {
    const Sums& s = sums[e.replica];
    const double predicted = e.fixed_s + s.time[e.to] - s.time[e.from];
    const double residual = (predicted - e.measured_s) / e.sd_s;
    const Vector row = (s.gradient[e.to] - s.gradient[e.from]) / e.sd_s;
    const double w = weight(residual, scale);
    n.a.noalias() += w * row * row.transpose();
    n.b.noalias() -= w * residual * row;
    n.chi2 += w * residual * residual;
    n.weights += w;
  }
  n.a += Matrix(prior.precision.asDiagonal());
  n.b -= prior.precision.cwiseProduct(theta - prior.mean);
  return n;
}

double cost_of(const std::vector<TimedEvent>& events, std::size_t gaps,
               const std::vector<Sums>& sums, const Vector& theta, const Prior& prior) {
  const Vector off = theta - prior.mean;
  double cost = prior.precision.cwiseProduct(off).dot(off);
  for (const TimedEvent& e : events) {
    const Sums& s = sums[e.replica];
    cost += loss((e.fixed_s + s.time[e.to] - s.time[e.from] - e.measured_s) / e.sd_s);
    if (e.kind == TimedEvent::Kind::gap) --gaps;
  }
  return cost + static_cast<double>(gaps) * loss(kUnmatched);
}

models::CompactProfile with_theta(models::CompactProfile profile, const Vector& theta) {
  for (int i = 0; i < kTerms; ++i) profile.values[static_cast<std::size_t>(i)] = std::exp(theta[i]);
  return profile;
}

// The corner of a soft maximum is at least 1; no logarithm moves by more than a factor e at once.
Vector moved(const Vector& theta, const Vector& by) {
  Vector out = theta + by.cwiseMax(-1.0).cwiseMin(1.0);
  const auto corner = static_cast<Eigen::Index>(at(CompactTerm::corner));
  out[corner] = std::clamp(out[corner], std::log(1.1), std::log(16.0));
  return out;
}

double median_decode_error(const std::vector<TimedEvent>& events, const std::vector<Sums>& sums,
                           double& sd) {
  std::vector<double> errors;
  for (const TimedEvent& e : events) {
    if (e.kind != TimedEvent::Kind::decode) continue;
    const Sums& s = sums[e.replica];
    errors.push_back(std::abs(std::log((s.time[e.to] - s.time[e.from]) / e.measured_s)));
  }
  if (errors.empty()) return 0;
  const auto middle = errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2);
  std::nth_element(errors.begin(), middle, errors.end());
  sd = *middle / 0.6745;  // of a normal distribution with that median deviation
  return *middle;
}

}  // namespace

LogTraining whole_log(const RequestLog& log) {
  return {log.requests.size(), std::numeric_limits<double>::infinity()};
}

LogTraining first_half(const RequestLog& log) {
  const std::size_t half = log.requests.size() / 2;
  std::vector<double> ends;
  for (const LoggedRequest& r : log.requests) ends.push_back(r.last_token_s);
  std::sort(ends.begin(), ends.end());
  return {half, half > 0 ? ends[half - 1] : ends.front()};
}

CompactPrior compact_prior(const models::StepContext& context) {
  const models::LlmSpec& llm = context.llm;
  const double ranks = context.layout.tensor;
  const auto kernel = models::kernel_for(llm.weights, context.gpu);
  const models::ParameterCount count = models::count_parameters(llm);
  const double bytes =
      static_cast<double>(models::weight_bytes_per_rank(llm, context.layout).value);
  // The embedding is looked up, not read; a tied one is read as the LM head.
  const double head = static_cast<double>(count.embedding) * (llm.tied_embeddings ? 1.0 : 0.5);
  const double unread = (static_cast<double>(count.embedding) - head) * 2 / ranks;
  double experts = 0;
  for (const models::LayerGroup& group : llm.groups) {
    if (group.moe)
      experts += group.count * static_cast<double>(models::layer_parameters(llm, group).experts);
  }
  const double expert_bytes = experts * models::bytes_per_value(llm.expert_weights) /
                              std::max(1, context.layout.tensor * context.layout.attention_data);
  const double rate = context.gpu.memory_bandwidth.value;
  const double kv_bytes = models::kv_bytes_per_token(llm, context.layout, context.kv_precision);
  const double active = static_cast<double>(count.active - count.embedding);
  const double reductions = context.layout.tensor > 1 ? 2.0 * llm.layers : 0;
  const auto& links = context.operators.communication;
  const double per_token =
      2 * active / ranks / (0.65 * kernel.flops_per_s) +
      reductions *
          (models::allreduce_seconds(links, context.gpu, context.layout.tensor,
                                     2.0 * llm.hidden * 1e3) -
           models::allreduce_seconds(links, context.gpu, context.layout.tensor, 0)) /
          1e3;
  CompactPrior out;
  const auto set = [&](CompactTerm term, double seconds, double log_sd) {
    out.value[at(term)] = seconds / models::compact_term_info(term).to_si;
    out.log_sd[at(term)] = log_sd;
  };
  set(CompactTerm::base,
      2e-3 + reductions * models::allreduce_seconds(links, context.gpu, context.layout.tensor, 0),
      1.0);
  set(CompactTerm::stream, std::max(1e6, bytes - unread - expert_bytes) / (0.85 * rate), 0.12);
  set(CompactTerm::token, per_token, 0.4);
  set(CompactTerm::corner, 3, 0.3);
  set(CompactTerm::kv_token, kv_bytes / (0.75 * rate), 0.35);
  set(CompactTerm::mixed_kv, 1.4, 0.3);
  set(CompactTerm::pair,
      4.0 * llm.heads * llm.head_dim * llm.layers / ranks / (0.25 * context.gpu.bf16.value), 0.7);
  set(CompactTerm::sequence, 20e-6, 1.0);
  set(CompactTerm::prefill_step, 2e-3, 1.0);
  if (experts > 0) {
    out.expert_stream_ms = 1e3 * expert_bytes / (0.7 * rate);
    out.expert_share = static_cast<double>(llm.moe.experts_per_token) / llm.moe.experts;
  }
  return out;
}

namespace {

// The fit of one log: what stays the same from trial to trial.
class Fitter {
 public:
  Fitter(const RequestLog& log, const LogSetup& setup, const LogTraining& training,
         models::CompactProfile profile, Prior prior)
      : log_(log),
        setup_(setup),
        training_(training),
        profile_(std::move(profile)),
        prior_(std::move(prior)) {}

  [[nodiscard]] const Prior& prior() const { return prior_; }
  [[nodiscard]] models::CompactProfile profile(const Vector& theta) const {
    return with_theta(profile_, theta);
  }
  [[nodiscard]] std::vector<Sums> sums(const Trial& trial, const Vector& theta) const {
    return sum_steps(trial.steps, models::CompactStepModel(profile(theta)));
  }
  [[nodiscard]] Result<Trial> run(const Vector& theta) const {
    Trial out{theta, StepTimes(setup_.replicas), {}, 0};
    const models::CompactStepModel model(profile(theta));
    const auto records = simulate_log(log_, setup_, model, {}, 1, &out.steps);
    if (!records) return records.error();
    out.events = timed_events(log_, training_, *records, out.steps);
    // At most one gap between each two tokens seen; one request has up to two events of its own.
    const std::size_t gaps = setup_.replicas == 1 ? 2 * training_.requests : 0;
    out.cost = cost_of(out.events, gaps, sums(out, theta), theta, prior_);
    return out;
  }
  // Where the linearised problem has its optimum while the schedule stays as it is.
  [[nodiscard]] Vector solve(const Trial& trial, double scale) const {
    Vector theta = trial.theta;
    for (int i = 0; i < kInner; ++i) {
      const Normal n = normal_equations(trial.events, sums(trial, theta), theta, prior_, scale);
      const Vector step = n.a.ldlt().solve(n.b);
      theta = moved(theta, step);
      if (step.cwiseAbs().maxCoeff() < kConverged) break;
    }
    return theta;
  }

 private:
  const RequestLog& log_;
  const LogSetup& setup_;
  const LogTraining& training_;
  models::CompactProfile profile_;
  Prior prior_;
};

// Follows the linearised optimum from simulation to simulation while events far off are given up
// step by step: finds the neighbourhood. Keeps what explains the events best.
Result<Trial> explore(const Fitter& fitter, const Trial& start, int& simulations) {
  Trial now = start, best = start;
  double scale = kWidestScale;
  for (int pass = 0; pass < kExplored; ++pass, scale = std::max(kScale, scale / 2)) {
    auto next = fitter.run(now.theta + kDamping * (fitter.solve(now, scale) - now.theta));
    if (!next) return next.error();
    ++simulations;
    now = std::move(*next);
    if (now.cost < best.cost) best = now;
  }
  return best;
}

// Descends until no part of a pass makes the simulated run fit better.
Result<Trial> descend(const Fitter& fitter, Trial best, int& simulations) {
  for (int pass = 0; pass < kPasses; ++pass) {
    const Vector direction = fitter.solve(best, kScale) - best.theta;
    const double before = best.cost;
    double share = 1;
    for (int i = 0; i < kHalvings; ++i, share /= 2) {
      auto trial = fitter.run(best.theta + share * direction);
      if (!trial) return trial.error();
      ++simulations;
      if (trial->cost >= before) continue;
      best = std::move(*trial);
      break;
    }
    if (best.cost > before * (1 - kConverged)) break;
  }
  return best;
}

std::int64_t largest_batch(const Trial& trial) {
  std::int64_t out = 0;
  for (const TimedEvent& e : trial.events) {
    for (std::size_t k = e.from; k < e.to; ++k) {
      out = std::max<std::int64_t>(out, trial.steps.replicas()[e.replica][k].shape.seqs());
    }
  }
  return out;
}

}  // namespace

Result<LogFit> fit_log(const RequestLog& log, const LogSetup& setup, const LogTraining& training) {
  const models::StepContext& context = setup.deployment.context;
  const CompactPrior start = compact_prior(context);
  models::CompactProfile profile;
  profile.engine = setup.deployment.engine;
  profile.engine_version = setup.deployment.version;
  profile.gpu = setup.deployment.gpu_name;
  profile.model = context.llm.name;
  profile.tensor_parallel = context.layout.tensor;
  profile.async_scheduling = setup.engine.async_scheduling;
  profile.expert_stream_ms = start.expert_stream_ms;
  profile.expert_share = start.expert_share;
  profile.requests = static_cast<std::int64_t>(training.requests);
  Prior prior;
  for (int i = 0; i < kTerms; ++i) {
    const auto k = static_cast<std::size_t>(i);
    prior.mean[i] = std::log(start.value[k]);
    prior.precision[i] = 1 / (start.log_sd[k] * start.log_sd[k]);
  }
  const Fitter fitter(log, setup, training, profile, prior);
  auto first = fitter.run(prior.mean);
  if (!first) return first.error();
  if (first->events.size() < kFewest) {
    return usage_error(fmt::format("{}: {} events are too few to fit a model on, {} are needed",
                                   log.folder, first->events.size(), kFewest),
                       "give a longer log");
  }
  LogFit fit;
  fit.simulations = 1;
  Result<Trial> best = std::move(*first);
  for (int round = 0; round < kRounds; ++round) {
    const double before = best->cost;
    auto explored = explore(fitter, *best, fit.simulations);
    if (!explored) return explored.error();
    best = descend(fitter, std::move(*explored), fit.simulations);
    if (!best) return best.error();
    if (best->cost > before * (1 - kConverged)) break;
  }
  fit.profile = fitter.profile(best->theta);
  const auto sums = fitter.sums(*best, best->theta);
  fit.duration_error = median_decode_error(best->events, sums, fit.profile.residual_sd);
  fit.profile.events = static_cast<std::int64_t>(best->events.size());
  fit.profile.batch_max = largest_batch(*best);
  // Laplace: the curvature at the optimum, scaled by how far the events scatter beyond what was
  // assumed.
  const Normal n = normal_equations(best->events, sums, best->theta, prior);
  const double scatter = std::max(1.0, n.chi2 / std::max(1.0, n.weights - kTerms));
  const Matrix known = prior.precision.asDiagonal();
  const Matrix covariance = ((n.a - known) / scatter + known).inverse();
  fit.profile.log_covariance.assign(covariance.data(), covariance.data() + kTerms * kTerms);
  return fit;
}

}  // namespace eph::calibration
