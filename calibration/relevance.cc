#include "calibration/relevance.h"

namespace eph::calibration {

using models::Coefficient;
using models::Precision;

bool is_relevant(Coefficient coefficient, const models::StepContext& context) {
  const models::LlmSpec& llm = context.llm;
  const auto uses = [&](Precision p) {
    return llm.weights == p || (llm.is_moe() && llm.expert_weights == p);
  };
  switch (coefficient) {
    case Coefficient::fp8_extra:
      return uses(Precision::fp8);
    case Coefficient::fp8_block_extra:
      return uses(Precision::fp8_block);
    case Coefficient::fp4_extra:
      return uses(Precision::mxfp4) || uses(Precision::nvfp4) || uses(Precision::int4);
    case Coefficient::moe_scale:
      return llm.is_moe();
    case Coefficient::allreduce_scale:
    case Coefficient::host_tp:
    case Coefficient::host_tp_extra:
      return context.layout.gpus() > 1;
    default:
      return true;
  }
}

}  // namespace eph::calibration
