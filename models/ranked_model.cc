#include "models/ranked_model.h"

#include <algorithm>

namespace eph::models {
namespace {

double value(const CoefficientValues& values, Coefficient c) {
  return values[static_cast<std::size_t>(c)] * coefficient_info(c).to_si;
}

BatchShape without_padding(BatchShape shape) {
  shape.padding_tokens = 0;
  return shape;
}

}  // namespace

RankedStepModel::RankedStepModel(std::unique_ptr<StepModel> target, const StepContext& context,
                                 const CoefficientValues& values)
    : target_(std::move(target)),
      context_(context),
      ops_(step_ops(context)),
      moe_scale_(value(values, Coefficient::moe_scale)),
      allreduce_scale_(value(values, Coefficient::allreduce_scale)) {}

double RankedStepModel::common_seconds(double tokens) const noexcept {
  double moe = 0;
  for (const MoeOp& op : ops_.moes)
    moe += op.layers *
           moe_seconds(context_.operators.moe_of(op.kernel.group), op.kernel, op.size, tokens);
  const CommunicationConstants& links = context_.operators.communication;
  const int ranks = context_.layout.tensor * context_.layout.attention_data;
  const double bytes = tokens * ops_.hidden_bytes;
  const double reduce =
      context_.network ? allreduce_seconds(links, context_.gpu, *context_.network, ranks, bytes)
                       : allreduce_seconds(links, context_.gpu, ranks, bytes);
  return moe_scale_ * moe + allreduce_scale_ * ops_.moe_allreduces * reduce;
}

double RankedStepModel::saved_seconds(const BatchShape& shape) const noexcept {
  const auto own = static_cast<double>(without_padding(shape).tokens());
  const auto all = static_cast<double>(std::max<std::int64_t>(1, shape.tokens()));
  return common_seconds(own) - common_seconds(all);
}

double RankedStepModel::seconds(const BatchShape& shape) const noexcept {
  if (shape.padding_tokens >= 0) return target_->seconds(shape);
  return target_->seconds(without_padding(shape)) - saved_seconds(shape);
}

StepTimes RankedStepModel::times(const BatchShape& shape) const noexcept {
  if (shape.padding_tokens >= 0) return target_->times(shape);
  StepTimes t = target_->times(without_padding(shape));
  t.gpu -= saved_seconds(shape);
  return t;
}

StepBreakdown RankedStepModel::explain(const BatchShape& shape) const {
  if (shape.padding_tokens >= 0) return target_->explain(shape);
  StepBreakdown b = target_->explain(without_padding(shape));
  const double saved = saved_seconds(shape);
  b.moe -= saved;
  b.gpu -= saved;
  b.total -= saved;
  return b;
}

}  // namespace eph::models
