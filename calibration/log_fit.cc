#include "calibration/log_fit.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

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

constexpr int kPasses = 12;     // simulations
constexpr int kRobustFrom = 3;  // the first passes trust every event: their schedule is still wrong
constexpr int kInner = 8;       // Gauss-Newton steps with a schedule held fixed
constexpr double kDamping = 0.7;     // of a pass
constexpr double kConverged = 1e-3;  // largest change of a logarithm
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

// Weight of a residual in standard deviations: pseudo-Huber while the schedule is rough, then
// Cauchy, which forgets events whose steps the simulation has mistaken.
double weight(double residual, bool robust) {
  constexpr double kScale = 2;
  const double x = residual / kScale;
  return robust ? 1 / (1 + x * x) : 1 / std::sqrt(1 + x * x);
}

// Normal equations of one linearisation.
struct Normal {
  Matrix a = Matrix::Zero();
  Vector b = Vector::Zero();
  double chi2 = 0, weights = 0;
};

Normal normal_equations(const std::vector<TimedEvent>& events, const std::vector<Sums>& sums,
                        const Vector& theta, const Vector& prior, const Vector& precision,
                        bool robust) {
  Normal n;
  for (const TimedEvent& e : events) {
    const Sums& s = sums[e.replica];
    const double predicted = e.fixed_s + s.time[e.to] - s.time[e.from];
    const double residual = (predicted - e.measured_s) / e.sd_s;
    const Vector row = (s.gradient[e.to] - s.gradient[e.from]) / e.sd_s;
    const double w = weight(residual, robust);
    n.a.noalias() += w * row * row.transpose();
    n.b.noalias() -= w * residual * row;
    n.chi2 += w * residual * residual;
    n.weights += w;
  }
  n.a += Matrix(precision.asDiagonal());
  n.b -= precision.cwiseProduct(theta - prior);
  return n;
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

Result<LogFit> fit_log(const RequestLog& log, const LogSetup& setup, const LogTraining& training) {
  const models::StepContext& context = setup.deployment.context;
  const CompactPrior start = compact_prior(context);
  LogFit fit;
  models::CompactProfile& profile = fit.profile;
  profile.engine = setup.deployment.engine;
  profile.engine_version = setup.deployment.version;
  profile.gpu = setup.deployment.gpu_name;
  profile.model = context.llm.name;
  profile.tensor_parallel = context.layout.tensor;
  profile.async_scheduling = setup.engine.async_scheduling;
  profile.expert_stream_ms = start.expert_stream_ms;
  profile.expert_share = start.expert_share;
  Vector prior, precision;
  for (int i = 0; i < kTerms; ++i) {
    const auto k = static_cast<std::size_t>(i);
    prior[i] = std::log(start.value[k]);
    precision[i] = 1 / (start.log_sd[k] * start.log_sd[k]);
  }
  Vector theta = prior;
  Normal last;
  for (fit.passes = 1; fit.passes <= kPasses; ++fit.passes) {
    const models::CompactStepModel now(with_theta(profile, theta));
    StepTimes steps(setup.replicas);
    const auto records = simulate_log(log, setup, now, {}, 1, &steps);
    if (!records) return records.error();
    const auto events = timed_events(log, training, *records, steps);
    if (events.size() < kFewest) {
      return usage_error(fmt::format("{}: {} events are too few to fit a model on, {} are needed",
                                     log.folder, events.size(), kFewest),
                         "give a longer log");
    }
    const bool robust = fit.passes >= kRobustFrom;
    Vector solved = theta;
    for (int inner = 0; inner < kInner; ++inner) {
      const auto sums = sum_steps(steps, models::CompactStepModel(with_theta(profile, solved)));
      last = normal_equations(events, sums, solved, prior, precision, robust);
      const Vector step = last.a.ldlt().solve(last.b);
      solved = moved(solved, step);
      if (step.cwiseAbs().maxCoeff() < kConverged) break;
    }
    const auto sums = sum_steps(steps, now);
    fit.duration_error = median_decode_error(events, sums, profile.residual_sd);
    profile.events = static_cast<std::int64_t>(events.size());
    profile.batch_max = 0;
    for (const TimedEvent& e : events) {
      for (std::size_t k = e.from; k < e.to; ++k) {
        const auto seqs = steps.replicas()[e.replica][k].shape.seqs();
        profile.batch_max = std::max<std::int64_t>(profile.batch_max, seqs);
      }
    }
    const Vector change = kDamping * (solved - theta);
    theta += change;
    if (robust && change.cwiseAbs().maxCoeff() < kConverged) break;
  }
  // Laplace: the curvature at the optimum, scaled by how far the events scatter beyond what was
  // assumed.
  const double scatter = std::max(1.0, last.chi2 / std::max(1.0, last.weights - kTerms));
  const Matrix covariance = last.a.inverse() * scatter;
  profile.log_covariance.assign(covariance.data(), covariance.data() + kTerms * kTerms);
  profile = with_theta(std::move(profile), theta);
  profile.requests = static_cast<std::int64_t>(training.requests);
  return fit;
}

}  // namespace eph::calibration
