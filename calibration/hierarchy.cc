#include "calibration/hierarchy.h"

#include <algorithm>
#include <cmath>

#include "calibration/free_coefficients.h"
#include "core/assert.h"

namespace eph::calibration {
namespace {

using Eigen::Index;

double square(double x) { return x * x; }
double octaves(double x) { return std::log2(std::max(1.0, x)); }

std::size_t at(models::Coefficient c) { return static_cast<std::size_t>(c); }

}  // namespace

RowTraits traits_of(const DataRow& row) {
  RowTraits t;
  const models::StepContext& context = row.plan.deployment.context;
  t.layout = context.layout;
  t.weights = models::name(context.llm.weights);
  t.model = fmt::format("{}|{}", row.model, t.weights);
  t.deployment = fmt::format("{}|{}|{}|{}", t.model, t.layout.tensor, t.layout.expert,
                             t.layout.attention_data);
  // Tables that name no machine: one per engine version and model.
  t.host =
      row.plan.host.empty() ? fmt::format("{}|{}", row.engine_version, row.model) : row.plan.host;
  t.decode_seqs = octaves(mean_decode_batch(row));
  t.context = octaves(static_cast<double>(row.isl) + 0.5 * static_cast<double>(row.osl));
  // The tokens of a step that has prompt work.
  const auto prompt = static_cast<double>(row.isl);
  const bool burst = row.plan.protocol == Protocol::burst;
  t.prompt_step = octaves(std::min(static_cast<double>(row.plan.engine.max_num_batched_tokens),
                                   burst ? prompt * static_cast<double>(row.concurrency) : prompt));
  t.tensor = octaves(t.layout.tensor);
  t.concurrency = octaves(static_cast<double>(row.concurrency));
  t.prompt = octaves(prompt);
  t.output = octaves(static_cast<double>(row.osl));
  t.first_token = has_undocumented_ramp(row.plan.protocol);
  return t;
}

Hierarchy::Hierarchy(models::EngineKind engine, std::string_view family,
                     const std::vector<RowTraits>& traits,
                     const std::vector<Observation>& observations, const HyperParameters& hyper)
    : traits_(traits), observations_(observations), hyper_(hyper) {
  for (const FreeCoefficient& f : free_coefficients(engine, family)) {
    free_.push_back(f.coefficient);
    prior_sd_.push_back(f.prior_sd);
    per_model_.push_back(f.per_model);
  }
}

bool Hierarchy::has_first(std::size_t i) const {
  return observations_[i].figure == Figure::mean_ttft && traits_[observations_[i].row].first_token;
}

double Hierarchy::decode_kernel(const RowTraits& t, double seqs, double context,
                                double tensor) const {
  return std::exp(-0.5 * (square((t.decode_seqs - seqs) / hyper_.decode_seqs) +
                          square((t.context - context) / hyper_.decode_context) +
                          square((t.tensor - tensor) / hyper_.decode_tensor)));
}

double Hierarchy::prefill_kernel(const RowTraits& t, double prompt, double tensor) const {
  return std::exp(-0.5 * (square((t.prompt_step - prompt) / hyper_.prefill_tokens) +
                          square((t.tensor - tensor) / hyper_.prefill_tensor)));
}

double Hierarchy::first_kernel(const RowTraits& a, const RowTraits& b) const {
  return std::exp(-0.5 * (square((a.concurrency - b.concurrency) / hyper_.first_concurrency) +
                          square((a.prompt - b.prompt) / hyper_.first_prompt) +
                          square((a.output - b.output) / hyper_.first_output) +
                          square((a.tensor - b.tensor) / hyper_.first_tensor)));
}

Eigen::MatrixXd Hierarchy::covariance(const Eigen::MatrixXd& slopes) const {
  const auto n = static_cast<Index>(observations_.size());
  const auto k = static_cast<Index>(free_.size());
  Eigen::MatrixXd all(n, k), modelled = Eigen::MatrixXd::Zero(n, k);
  for (Index j = 0; j < k; ++j) {
    const auto c = static_cast<std::size_t>(j);
    all.col(j) = slopes.col(static_cast<Index>(at(free_[c]))) * prior_sd_[c];
    if (per_model_[c]) modelled.col(j) = all.col(j);
  }
  const Eigen::MatrixXd wide = all * all.transpose(), narrow = modelled * modelled.transpose();
  const auto slope = [&](Index i, std::size_t direction) {
    return slopes(i, static_cast<Index>(direction));
  };
  const std::size_t kv = at(models::Coefficient::kv_reserve);
  Eigen::MatrixXd out(n, n);
  for (Index i = 0; i < n; ++i) {
    const RowTraits& a = traits_[observations_[static_cast<std::size_t>(i)].row];
    for (Index j = 0; j <= i; ++j) {
      const RowTraits& b = traits_[observations_[static_cast<std::size_t>(j)].row];
      const bool model = a.model == b.model;
      const bool host = a.host == b.host && !is_reference_host(a.host);
      double sum = square(hyper_.engine) * wide(i, j);
      if (model) sum += square(hyper_.model) * narrow(i, j);
      if (a.deployment == b.deployment) {
        sum += square(hyper_.deployment) * narrow(i, j) +
               square(hyper_.kv_reserve) * slope(i, kv) * slope(j, kv);
      }
      if (host) sum += square(hyper_.host) * slope(i, kHostDirection) * slope(j, kHostDirection);
      const double decode = slope(i, kDecodeDirection) * slope(j, kDecodeDirection);
      const double prefill = slope(i, kPrefillDirection) * slope(j, kPrefillDirection);
      const double of_model = model ? 1 : 0;
      sum += decode * decode_kernel(a, b.decode_seqs, b.context, b.tensor) *
             (square(hyper_.decode_engine) + of_model * square(hyper_.decode_model));
      sum += prefill * prefill_kernel(a, b.prompt_step, b.tensor) *
             (square(hyper_.prefill_engine) + of_model * square(hyper_.prefill_model));
      if (has_first(static_cast<std::size_t>(i)) && has_first(static_cast<std::size_t>(j))) {
        sum += first_kernel(a, b) *
               (square(hyper_.first_engine) + of_model * square(hyper_.first_model));
      }
      out(i, j) = out(j, i) = sum;
    }
  }
  return out;
}

std::vector<double> Hierarchy::shifts(const Eigen::MatrixXd& slopes, const Eigen::VectorXd& a,
                                      const RowTraits& traits, Level level) const {
  std::vector<double> out(models::kCoefficientCount, 0.0);
  for (std::size_t i = 0; i < observations_.size(); ++i) {
    const auto row = static_cast<Index>(i);
    if (a[row] == 0) continue;
    const RowTraits& b = traits_[observations_[i].row];
    const double wide = square(hyper_.engine);
    const bool deployment = level >= Level::deployment && b.deployment == traits.deployment;
    const double narrow =
        (level >= Level::model && b.model == traits.model ? square(hyper_.model) : 0) +
        (deployment ? square(hyper_.deployment) : 0);
    for (std::size_t c = 0; c < free_.size(); ++c) {
      const std::size_t direction = at(free_[c]);
      const double slope = slopes(row, static_cast<Index>(direction));
      out[direction] +=
          a[row] * slope * square(prior_sd_[c]) * (wide + (per_model_[c] ? narrow : 0));
      if (deployment && free_[c] == models::Coefficient::kv_reserve) {
        out[direction] += a[row] * slope * square(hyper_.kv_reserve);
      }
    }
  }
  return out;
}

double Hierarchy::log_host(const Eigen::MatrixXd& slopes, const Eigen::VectorXd& a,
                           const std::string& host) const {
  double sum = 0;
  if (is_reference_host(host)) return sum;
  for (std::size_t i = 0; i < observations_.size(); ++i) {
    if (traits_[observations_[i].row].host != host) continue;
    const auto row = static_cast<Index>(i);
    sum += a[row] * slopes(row, static_cast<Index>(kHostDirection)) * square(hyper_.host);
  }
  return sum;
}

models::StepResidual Hierarchy::residual(const Eigen::MatrixXd& slopes, const Eigen::VectorXd& a,
                                         const RowTraits& traits, double tensor_ranks,
                                         bool with_model) const {
  using R = models::StepResidual;
  R out;
  const double tensor = octaves(tensor_ranks);
  for (std::size_t i = 0; i < observations_.size(); ++i) {
    const auto row = static_cast<Index>(i);
    if (a[row] == 0) continue;
    const RowTraits& b = traits_[observations_[i].row];
    const double model = with_model && b.model == traits.model ? 1 : 0;
    const double decode = a[row] * slopes(row, static_cast<Index>(kDecodeDirection)) *
                          (square(hyper_.decode_engine) + model * square(hyper_.decode_model));
    const double prefill = a[row] * slopes(row, static_cast<Index>(kPrefillDirection)) *
                           (square(hyper_.prefill_engine) + model * square(hyper_.prefill_model));
    for (std::size_t s = 0; s < R::kSeqKnots; ++s) {
      for (std::size_t c = 0; c < R::kContextKnots; ++c) {
        out.decode[s * R::kContextKnots + c] +=
            decode * decode_kernel(b, static_cast<double>(s) + R::kFirstSeqs,
                                   static_cast<double>(c) + R::kFirstContext, tensor);
      }
    }
    for (std::size_t p = 0; p < R::kPromptKnots; ++p) {
      out.prefill[p] +=
          prefill * prefill_kernel(b, static_cast<double>(p) + R::kFirstPrompt, tensor);
    }
  }
  const auto rounded = [](double x) { return std::clamp(std::round(x * 1e4) / 1e4, -0.7, 0.7); };
  std::transform(out.decode.begin(), out.decode.end(), out.decode.begin(), rounded);
  std::transform(out.prefill.begin(), out.prefill.end(), out.prefill.begin(), rounded);
  return out;
}

models::FirstTokenResidual Hierarchy::first_token(const Eigen::VectorXd& a) const {
  models::FirstTokenResidual out;
  out.engine_variance = square(hyper_.first_engine);
  out.model_variance = square(hyper_.first_model);
  out.concurrency = hyper_.first_concurrency;
  out.prompt = hyper_.first_prompt;
  out.output = hyper_.first_output;
  out.tensor = hyper_.first_tensor;
  for (std::size_t i = 0; i < observations_.size(); ++i) {
    const double weight = a[static_cast<Index>(i)];
    if (weight == 0 || !has_first(i)) continue;
    const RowTraits& t = traits_[observations_[i].row];
    out.points.push_back({t.model, t.concurrency, t.prompt, t.output, t.tensor, weight});
  }
  return out;
}

std::vector<double> Hierarchy::engine_covariance(
    const Eigen::MatrixXd& slopes, const Eigen::MatrixXd& inverse_noisy,
    const std::vector<models::Coefficient>& order) const {
  const auto n = static_cast<Index>(order.size());
  Eigen::MatrixXd reach(slopes.rows(), n);  // covariance of observations and coefficients
  Eigen::MatrixXd prior = Eigen::MatrixXd::Zero(n, n);
  for (Index j = 0; j < n; ++j) {
    const auto found = std::find(free_.begin(), free_.end(), order[static_cast<std::size_t>(j)]);
    EPH_ASSERT(found != free_.end(), "coefficient {} is not free", j);
    const double variance =
        square(hyper_.engine * prior_sd_[static_cast<std::size_t>(found - free_.begin())]);
    reach.col(j) =
        slopes.col(static_cast<Index>(at(order[static_cast<std::size_t>(j)]))) * variance;
    prior(j, j) = variance;
  }
  Eigen::MatrixXd posterior = prior - reach.transpose() * inverse_noisy * reach;
  posterior = 0.5 * (posterior + posterior.transpose()).eval();
  std::vector<double> out;
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j)
      out.push_back(i == j ? std::max(0.0, posterior(i, j)) : posterior(i, j));
  }
  return out;
}

}  // namespace eph::calibration
