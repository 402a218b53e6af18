#include "models/draft_model.h"

#include "core/assert.h"

namespace eph::models {
namespace {

StepContext one_layer(StepContext context) {
  LayerGroup last = context.llm.groups.back();
  last.count = 1;
  context.llm.groups = {last};
  context.llm.layers = 1;
  context.layout.pipeline = 1;  // on the last stage
  context.pipeline_batches = 1;
  context.async_scheduling = true;  // its GPU time is asked for
  return context;
}

CoefficientValues of_a_pass(CoefficientValues values) {
  for (const Coefficient c :
       {Coefficient::step_overhead, Coefficient::seq_overhead, Coefficient::layer_seq_overhead,
        Coefficient::prefill_token_overhead, Coefficient::prefill_step_overhead})
    values[static_cast<std::size_t>(c)] = 0;
  return values;
}

}  // namespace

LlmSpec with_draft_layer(LlmSpec llm) {
  ++llm.groups.back().count;
  ++llm.layers;
  return llm;
}

DraftingStepModel::DraftingStepModel(std::unique_ptr<StepModel> target, const StepContext& context,
                                     const CoefficientValues& values, const Drafting& drafting)
    : target_(std::move(target)),
      layer_(one_layer(context), of_a_pass(values)),
      drafting_(drafting),
      kernel_(kernel_for(context.llm.weights, context.gpu)),
      join_{static_cast<double>(context.llm.hidden), 2.0 * context.llm.hidden},
      attention_data_(context.layout.attention_data) {
  EPH_ASSERT(drafting.passes >= 1 && drafting.width >= 1, "{} passes of {} tokens", drafting.passes,
             drafting.width);
  gemm_ = context.operators.gemm_of(kernel_.group);
  const auto scale = Coefficient::gemm_scale;
  gemm_scale_ = values[static_cast<std::size_t>(scale)] * coefficient_info(scale).to_si;
}

double DraftingStepModel::pass_seconds(const BatchShape& shape) const noexcept {
  const std::int64_t rows = (shape.tokens() + attention_data_ - 1) / attention_data_;
  return layer_.times(shape).gpu +
         gemm_scale_ * gemm_seconds(gemm_, kernel_, join_, static_cast<double>(rows));
}

// The first pass sees what the target has just computed, prompts included; the others one position
// each, behind the tokens that every sequence then has.
double DraftingStepModel::draft_seconds(const BatchShape& step) const noexcept {
  if (step.tokens() <= 0) return 0;
  double sum = pass_seconds(step);
  if (drafting_.passes == 1) return sum;
  BatchShape next;
  next.decode_seqs = next.sampled_seqs = step.seqs();
  next.draft_tokens = step.seqs() * (drafting_.width - 1);
  next.decode_context_tokens =
      step.decode_context_tokens + step.prefill_context_tokens + step.tokens();
  return sum + (drafting_.passes - 1) * pass_seconds(next);
}

double DraftingStepModel::seconds(const BatchShape& shape) const noexcept {
  return target_->seconds(shape) + draft_seconds(shape);
}

StepTimes DraftingStepModel::times(const BatchShape& shape) const noexcept {
  StepTimes t = target_->times(shape);
  t.gpu += draft_seconds(shape);
  return t;
}

StepBreakdown DraftingStepModel::explain(const BatchShape& shape) const {
  StepBreakdown b = target_->explain(shape);
  const double draft = draft_seconds(shape);
  b.overhead += draft;
  b.gpu += draft;
  b.total += draft;
  return b;
}

}  // namespace eph::models
