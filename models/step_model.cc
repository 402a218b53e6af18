#include "models/step_model.h"

#include "core/time.h"

namespace eph::models {

std::size_t StepModel::stretch(const BatchShape& first, std::span<RoundedStep> out) const noexcept {
  BatchShape shape = first;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const StepTimes t = times(shape);
    if (t.launch != 0 || t.launch_jitter != 0) return i;
    out[i] = {Duration::from_seconds(t.gpu).ns, Duration::from_seconds(t.lead).ns,
              Duration::from_seconds(t.results).ns};
    shape.decode_context_tokens += shape.decode_seqs;
  }
  return out.size();
}

}  // namespace eph::models
