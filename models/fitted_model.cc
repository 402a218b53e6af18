#include "models/fitted_model.h"

#include <algorithm>
#include <cmath>

#include "core/assert.h"

namespace eph::models {
namespace {

constexpr double kPrefillHalf = 512;  // tokens where half of gemm_prefill_extra applies

// MODEL eq. 2: host and GPU overlap, q = 4.
double overlap(double gpu, double host) {
  const double high = std::max(gpu, host);
  if (high <= 0) return 0;
  const double ratio = std::min(gpu, host) / high, square = ratio * ratio;
  return high * std::sqrt(std::sqrt(1 + square * square));
}

double square(double x) { return x * x; }

}  // namespace

FittedStepModel::FittedStepModel(const StepContext& context, const CoefficientValues& values)
    : context_(context), values_(values), ops_(step_ops(context)) {
  EPH_ASSERT(context.gpu.memory_bandwidth.value > 0 && context.gpu.bf16.value > 0,
             "gpu {} has no rates", context.gpu.name);
  EPH_ASSERT(ops_.layers > 0, "model {} has no layers", context.llm.name);
  tabulate();
  combine();
}

double FittedStepModel::value(Coefficient c) const {
  return values_[static_cast<std::size_t>(c)] * coefficient_info(c).to_si;
}

double FittedStepModel::group_factor(std::size_t group) const {
  switch (static_cast<KernelGroup>(group)) {
    case KernelGroup::fp8:
      return 1 + value(Coefficient::fp8_extra);
    case KernelGroup::fp8_block:
      return 1 + value(Coefficient::fp8_block_extra);
    case KernelGroup::bits4:
      return 1 + value(Coefficient::fp4_extra);
    case KernelGroup::bits16:
    case KernelGroup::count_:
      break;
  }
  return 1;
}

FittedStepModel::TokenTerms FittedStepModel::token_terms(double tokens) const {
  TokenTerms t;
  if (tokens <= 0) return t;
  for (const GemmOp& op : ops_.gemms) {
    t.gemm[static_cast<std::size_t>(op.kernel.group)] +=
        op.count *
        gemm_seconds(context_.operators.gemm_of(op.kernel.group), op.kernel, op.size, tokens);
  }
  for (std::size_t g = 0; g < kKernelGroups; ++g)
    t.gemm_t[g] = t.gemm[g] * tokens / (tokens + kPrefillHalf);
  const Parallelism& layout = context_.layout;
  const double all_tokens = tokens * layout.attention_data;
  for (const MoeOp& op : ops_.moes) {
    t.moe += op.layers * moe_seconds(context_.operators.moe_of(op.kernel.group), op.kernel, op.size,
                                     all_tokens);
  }
  const CommunicationConstants& links = context_.operators.communication;
  const auto reduce = [&](int ranks, double rows) {
    const double bytes = rows * ops_.hidden_bytes;
    if (!context_.network) return allreduce_seconds(links, context_.gpu, ranks, bytes);
    return allreduce_seconds(links, context_.gpu, *context_.network, ranks, bytes);
  };
  t.allreduce =
      (ops_.attention_allreduces + ops_.dense_allreduces) * reduce(layout.tensor, tokens) +
      ops_.moe_allreduces * reduce(layout.tensor * layout.attention_data, all_tokens);
  t.allreduce += stage_hops(tokens);
  t.elementwise = ops_.elementwise_per_token * tokens;
  return t;
}

// Hidden state and residual go from stage to stage; counted for replicas of several nodes only.
double FittedStepModel::stage_hops(double tokens) const {
  const Parallelism& layout = context_.layout;
  const CommunicationConstants& links = context_.operators.communication;
  const NodeNetwork network = context_.network.value_or(constant_network(links, context_.gpu));
  if (layout.pipeline == 1 || layout.gpus() <= network.gpus_per_node) return 0;
  const int far = hops_between_nodes(layout, network.gpus_per_node);
  const double bytes = 2 * tokens * ops_.hidden_bytes;
  return far * stage_hop_seconds(links, context_.gpu, &network, layout.tensor, bytes) +
         (layout.pipeline - 1 - far) *
             stage_hop_seconds(links, context_.gpu, nullptr, layout.tensor, bytes);
}

void FittedStepModel::tabulate() {
  const std::vector<std::int64_t> nodes = TokenGrid::nodes();
  token_table_.reserve(nodes.size());
  head_table_.reserve(nodes.size());
  const GemmConstants& head = context_.operators.gemm_of(ops_.head.kernel.group);
  std::int64_t done = -1;
  for (std::int64_t node : nodes) {
    const std::int64_t padded =
        padded_tokens(node, std::min(context_.max_graph_tokens, TokenGrid::kExact));
    token_table_.push_back(padded == done ? token_table_.back()
                                          : token_terms(static_cast<double>(padded)));
    done = padded;
    head_table_.push_back(node == 0 ? 0
                                    : gemm_seconds(head, ops_.head.kernel, ops_.head.size,
                                                   static_cast<double>(node)));
  }
}

void FittedStepModel::combine() {
  using C = Coefficient;
  const double gemm = value(C::gemm_scale), extra = value(C::gemm_prefill_extra);
  token_seconds_.resize(token_table_.size());
  head_seconds_.resize(head_table_.size());
  const double moe = value(C::moe_scale), allreduce = value(C::allreduce_scale);
  const double elementwise = value(C::elementwise_scale);
  const double head = gemm * group_factor(static_cast<std::size_t>(ops_.head.kernel.group));
  std::array<double, kKernelGroups> factor{};
  for (std::size_t g = 0; g < kKernelGroups; ++g) factor[g] = gemm * group_factor(g);
  for (std::size_t i = 0; i < token_table_.size(); ++i) {
    const TokenTerms& t = token_table_[i];
    double sum = moe * t.moe + allreduce * t.allreduce + elementwise * t.elementwise;
    for (std::size_t g = 0; g < kKernelGroups; ++g)
      sum += factor[g] * (t.gemm[g] + extra * t.gemm_t[g]);
    token_seconds_[i] = sum;
    head_seconds_[i] = head * head_table_[i];
  }
  decode_scale_ = value(C::decode_attention_scale);
  prefill_scale_ = value(C::prefill_attention_scale);
  gpu_per_step_ = value(C::layer_overhead) * ops_.overhead_layers + value(C::step_overhead);
  gpu_per_seq_ = value(C::seq_overhead) + value(C::layer_seq_overhead) * ops_.overhead_layers;
  gpu_per_prefill_token_ = value(C::prefill_token_overhead);
  gpu_per_prefill_step_ = value(C::prefill_step_overhead);
  const bool many = context_.layout.tensor > 1;
  const double layers = ops_.overhead_layers * (many ? 1 + value(C::host_tp_extra) : 1);
  host_.per_step = (value(C::host_step) + (many ? value(C::host_tp) : 0));
  host_.per_seq = value(C::host_seq);
  host_.per_prefill_token = value(C::host_prefill_token);
  host_.launch_jitter = value(C::host_launch_jitter);
  host_.results_share = value(C::host_results);
  host_.graph_prefill = value(C::host_layer_graph) * layers;
  host_.eager = value(C::host_layer_eager) * layers;
}

void FittedStepModel::set_values(const CoefficientValues& values) {
  values_ = values;
  combine();
}

void FittedStepModel::set_residual(const StepResidual& residual) {
  residual_ = residual;
  has_residual_ = !residual.is_zero();
}

std::int64_t FittedStepModel::rank_share(std::int64_t count) const noexcept {
  const std::int64_t ranks = context_.layout.attention_data;
  return ranks == 1 ? count : (count + ranks - 1) / ranks;
}

double FittedStepModel::decode_attention(const BatchShape& s) const noexcept {
  const double seqs = s.decode_seqs;
  if (seqs <= 0) return 0;
  const double context = static_cast<double>(s.decode_context_tokens);
  double sum = 0;
  for (const AttentionOp& op : ops_.attentions) {
    // Only sums are known: a window binds when the mean context exceeds it.
    const double per_token =
        s.draft_tokens == 0 ? op.decode_per_token : op.verify_per_token(s.queries_per_decode());
    sum += per_token * std::min(context, seqs * op.window) + op.decode_per_seq * seqs;
  }
  return sum / context_.layout.attention_data;
}

double FittedStepModel::prefill_attention(const BatchShape& s) const noexcept {
  const double tokens = static_cast<double>(s.prefill_tokens);
  if (tokens <= 0) return 0;
  const double pairs = static_cast<double>(s.prefill_pairs);
  const double past = static_cast<double>(s.prefill_context_tokens);
  double sum = 0;
  for (const AttentionOp& op : ops_.attentions) {
    const double compute = op.prefill_flop_per_pair * std::min(pairs, tokens * op.window) +
                           op.prefill_flop_per_token * tokens;
    const double memory = op.prefill_byte_per_token * tokens +
                          op.prefill_byte_per_past * std::min(past, s.prefill_seqs * op.window);
    sum += std::sqrt(square(compute) + square(memory));
  }
  return sum / context_.layout.attention_data;
}

double FittedStepModel::gpu_seconds(const BatchShape& s) const noexcept {
  double t = TokenGrid::read(token_seconds_, TokenGrid::place(rank_share(s.tokens()))) +
             TokenGrid::read(head_seconds_, TokenGrid::place(rank_share(s.head_rows()))) +
             gpu_per_step_ + gpu_per_seq_ * static_cast<double>(rank_share(s.seqs()));
  if (s.decode_seqs > 0) t += decode_scale_ * decode_attention(s);
  if (s.prefill_tokens > 0) {
    t += prefill_scale_ * prefill_attention(s) + gpu_per_prefill_step_ +
         gpu_per_prefill_token_ * static_cast<double>(s.prefill_tokens);
  }
  return t;
}

double FittedStepModel::host_batch_seconds(const BatchShape& s) const noexcept {
  return host_.per_step + host_.per_seq * static_cast<double>(rank_share(s.seqs()));
}

double FittedStepModel::host_launch_seconds(const BatchShape& s) const noexcept {
  if (rank_share(s.tokens()) > context_.max_graph_tokens) return host_.eager;
  return s.prefill_tokens > 0 ? host_.graph_prefill : 0;
}

double FittedStepModel::host_seconds(const BatchShape& s) const noexcept {
  return host_batch_seconds(s) + host_.per_prefill_token * static_cast<double>(s.prefill_tokens) +
         host_launch_seconds(s);
}

BatchShape FittedStepModel::largest_batch(const BatchShape& step) const noexcept {
  const std::int64_t n = std::min(context_.pipeline_batches, context_.layout.pipeline);
  if (n <= 1) return step;
  if (step.decode_seqs == 0) return step;
  BatchShape s = step;
  s.decode_seqs = static_cast<std::int32_t>((step.decode_seqs + n - 1) / n);
  s.decode_context_tokens = step.decode_context_tokens * s.decode_seqs / step.decode_seqs;
  s.draft_tokens = static_cast<std::int32_t>(
      (std::int64_t{step.draft_tokens} * s.decode_seqs + step.decode_seqs - 1) / step.decode_seqs);
  s.sampled_seqs = std::max(0, step.sampled_seqs - step.decode_seqs) + s.decode_seqs;
  return s;
}

// Without the residual.
StepTimes FittedStepModel::bare_times(const BatchShape& s) const noexcept {
  const double gpu = gpu_seconds(s);
  if (!context_.async_scheduling) return {.gpu = gpu + host_seconds(s)};
  StepTimes t;
  const double batch = host_batch_seconds(s);
  t.gpu = gpu;
  t.results = host_.results_share * batch;
  t.lead = batch - t.results + host_.per_prefill_token * static_cast<double>(s.prefill_tokens);
  t.launch = host_launch_seconds(s);
  t.launch_jitter = host_.launch_jitter * t.launch;
  return t;
}

StepTimes FittedStepModel::times(const BatchShape& step) const noexcept {
  const BatchShape s = largest_batch(step);
  if (s.tokens() <= 0) return {};
  StepTimes t = bare_times(s);
  if (!has_residual_) return t;
  const double factor = std::exp(residual_.log_factor(s));
  for (double* part : {&t.gpu, &t.results, &t.lead, &t.launch, &t.launch_jitter}) *part *= factor;
  return t;
}

// The formula holds up to the next knot of the residual or the next window; it and times() differ
// by some 1e-8 ns.
Stretch FittedStepModel::stretch(const BatchShape& first) const noexcept {
  constexpr std::int64_t kLongest =
      512;  // what its sums lose by then is far below what rounding sees
  if (context_.pipeline_batches > 1) return StepModel::stretch(first);
  Stretch s;
  s.shape = first;
  const StepTimes t = bare_times(first);
  if (t.launch != 0) return s;
  const double seqs = first.decode_seqs;
  const auto context = static_cast<double>(first.decode_context_tokens);
  double unit = 1e9;  // ns
  s.left = kLongest;
  if (has_residual_) {
    const StepResidual::Slope residual = residual_.decode_slope(seqs, context / seqs);
    unit *= std::exp(residual_.log_factor(first));
    s.ratio = std::exp(residual.per_step);
    s.left = std::min(s.left, residual.steps + 1);
  }
  double slope = 0;
  for (const AttentionOp& op : ops_.attentions) {
    if (context >= seqs * op.window) continue;
    slope += op.decode_per_token * seqs;
    const double left = op.window - context / seqs;
    if (left < static_cast<double>(s.left)) s.left = static_cast<std::int64_t>(left) + 1;
  }
  s.slope = slope * decode_scale_ / context_.layout.attention_data * unit;
  s.gpu = t.gpu * unit;
  s.lead = t.lead * unit;
  s.results = t.results * unit;
  return s;
}

// Without the residual no step is shorter than the first; the residual is smallest at an end of the
// stretch or at a knot in between; within one cell exp(x) >= 1 + x says enough.
double FittedStepModel::stretch_floor(const BatchShape& first, std::int64_t steps) const noexcept {
  const double seconds_first = times(first).gpu;
  if (!has_residual_) return seconds_first;
  if (context_.pipeline_batches <= 1) {
    const double seqs = first.decode_seqs;
    const StepResidual::Slope slope =
        residual_.decode_slope(seqs, static_cast<double>(first.decode_context_tokens) / seqs);
    if (slope.steps >= steps)
      return seconds_first * (1 - 1e-12) *
             std::max(0.0, 1 + std::min(0.0, slope.per_step * static_cast<double>(steps)));
  }
  const BatchShape batch = largest_batch(first);  // grows by its own sequences a step too
  const double least = residual_.least_log_factor(batch, steps);
  return seconds_first * std::exp(std::min(0.0, least - residual_.log_factor(batch))) * (1 - 1e-12);
}

double FittedStepModel::seconds(const BatchShape& step) const noexcept {
  const BatchShape shape = largest_batch(step);
  if (shape.tokens() <= 0) return 0;
  const double gpu = gpu_seconds(shape), host = host_seconds(shape);
  const double total = context_.async_scheduling ? overlap(gpu, host) : gpu + host;
  return has_residual_ ? total * std::exp(residual_.log_factor(shape)) : total;
}

FittedStepModel::Terms FittedStepModel::terms_of(const BatchShape& s) const noexcept {
  Terms terms;
  const GridPlace at = TokenGrid::place(rank_share(s.tokens()));
  terms.token = token_table_[at.node];
  if (at.share > 0) {
    const TokenTerms& next = token_table_[at.node + 1];
    const auto mix = [&](double& low, double high) { low += at.share * (high - low); };
    for (std::size_t g = 0; g < kKernelGroups; ++g) {
      mix(terms.token.gemm[g], next.gemm[g]);
      mix(terms.token.gemm_t[g], next.gemm_t[g]);
    }
    mix(terms.token.moe, next.moe);
    mix(terms.token.allreduce, next.allreduce);
    mix(terms.token.elementwise, next.elementwise);
  }
  terms.head = TokenGrid::read(head_table_, TokenGrid::place(rank_share(s.head_rows())));
  terms.decode = decode_attention(s);
  terms.prefill = prefill_attention(s);
  return terms;
}

StepBreakdown FittedStepModel::explain(const BatchShape& step) const {
  using C = Coefficient;
  const BatchShape shape = largest_batch(step);
  StepBreakdown b;
  if (shape.tokens() <= 0) return b;
  const Terms t = terms_of(shape);
  double gemm = group_factor(static_cast<std::size_t>(ops_.head.kernel.group)) * t.head;
  for (std::size_t g = 0; g < kKernelGroups; ++g) {
    gemm += group_factor(g) * (t.token.gemm[g] + value(C::gemm_prefill_extra) * t.token.gemm_t[g]);
  }
  b.gemm = value(C::gemm_scale) * gemm;
  b.moe = value(C::moe_scale) * t.token.moe;
  b.communication = value(C::allreduce_scale) * t.token.allreduce;
  b.elementwise = value(C::elementwise_scale) * t.token.elementwise;
  b.attention_decode = decode_scale_ * t.decode;
  b.attention_prefill = prefill_scale_ * t.prefill;
  b.gpu = gpu_seconds(shape);
  b.overhead = gpu_per_step_ + gpu_per_seq_ * static_cast<double>(rank_share(shape.seqs())) +
               (shape.prefill_tokens > 0
                    ? gpu_per_prefill_step_ +
                          gpu_per_prefill_token_ * static_cast<double>(shape.prefill_tokens)
                    : 0);
  b.host = host_seconds(shape);
  b.total = seconds(step);
  return b;
}

void FittedStepModel::gradient(const BatchShape& step, std::span<double> row) const {
  using C = Coefficient;
  const BatchShape shape = largest_batch(step);
  EPH_ASSERT(row.size() == kCoefficientCount, "gradient row of {} != {}", row.size(),
             kCoefficientCount);
  std::fill(row.begin(), row.end(), 0.0);
  if (shape.tokens() <= 0) return;
  const double gpu = gpu_seconds(shape), host = host_seconds(shape);
  // d (g^4 + h^4)^(1/4) / dg = (g / t)^3.
  const double total = context_.async_scheduling ? overlap(gpu, host) : gpu + host;
  const auto share = [&](double part) {
    return context_.async_scheduling ? std::pow(part / total, 3) : 1.0;
  };
  const double factor = has_residual_ ? std::exp(residual_.log_factor(shape)) : 1.0;
  const double dg = factor * share(gpu), dh = factor * share(host);
  const auto put = [&](C c, double d_si) {
    row[static_cast<std::size_t>(c)] = d_si * coefficient_info(c).to_si;
  };

  const Terms t = terms_of(shape);
  const double scale = value(C::gemm_scale), extra = value(C::gemm_prefill_extra);
  const auto head_group = static_cast<std::size_t>(ops_.head.kernel.group);
  double gemm = group_factor(head_group) * t.head, gemm_t = 0;
  for (std::size_t g = 0; g < kKernelGroups; ++g) {
    const double one = t.token.gemm[g] + extra * t.token.gemm_t[g] + (g == head_group ? t.head : 0);
    gemm += group_factor(g) * (t.token.gemm[g] + extra * t.token.gemm_t[g]);
    gemm_t += group_factor(g) * t.token.gemm_t[g];
    if (g == 1) put(C::fp8_extra, dg * scale * one);
    if (g == 2) put(C::fp8_block_extra, dg * scale * one);
    if (g == 3) put(C::fp4_extra, dg * scale * one);
  }
  put(C::gemm_scale, dg * gemm);
  put(C::gemm_prefill_extra, dg * scale * gemm_t);
  put(C::moe_scale, dg * t.token.moe);
  put(C::allreduce_scale, dg * t.token.allreduce);
  put(C::elementwise_scale, dg * t.token.elementwise);
  put(C::decode_attention_scale, dg * t.decode);
  put(C::prefill_attention_scale, dg * t.prefill);
  put(C::layer_overhead, dg * ops_.overhead_layers);
  put(C::step_overhead, dg);
  const double seqs = static_cast<double>(rank_share(shape.seqs()));
  put(C::seq_overhead, dg * seqs);
  put(C::layer_seq_overhead, dg * seqs * ops_.overhead_layers);
  const bool prefill = shape.prefill_tokens > 0;
  put(C::prefill_token_overhead, dg * static_cast<double>(shape.prefill_tokens));
  put(C::prefill_step_overhead, prefill ? dg : 0);

  const bool many = context_.layout.tensor > 1,
             eager = rank_share(shape.tokens()) > context_.max_graph_tokens;
  const double layers = ops_.overhead_layers, tp_factor = many ? 1 + value(C::host_tp_extra) : 1;
  put(C::host_step, dh);
  put(C::host_seq, dh * seqs);
  put(C::host_tp, many ? dh : 0);
  put(C::host_layer_eager, eager ? dh * layers * tp_factor : 0);
  put(C::host_layer_graph, !eager && prefill ? dh * layers * tp_factor : 0);
  const double per_layer = eager     ? value(C::host_layer_eager)
                           : prefill ? value(C::host_layer_graph)
                                     : 0;
  put(C::host_tp_extra, many ? dh * layers * per_layer : 0);
  put(C::host_prefill_token, dh * static_cast<double>(shape.prefill_tokens));
}

}  // namespace eph::models
