#include "models/step_model.h"

namespace eph::models {

// One step at a time.
Stretch StepModel::stretch(const BatchShape& first) const noexcept {
  Stretch s;
  s.shape = first;
  const StepTimes t = times(first);
  if (t.launch != 0 || t.launch_jitter != 0) return s;
  s.gpu = t.gpu * 1e9;
  s.lead = t.lead * 1e9;
  s.results = t.results * 1e9;
  s.left = 1;
  return s;
}

}  // namespace eph::models
