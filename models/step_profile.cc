#include "models/step_profile.h"

namespace eph::models {

Result<StepProfile> load_step_profile(const std::string& path) {
  Result<Json> json = load_json(path);
  if (!json) return json.error();
  const Json* form = json->find("form");
  if (form != nullptr && form->is_string() && form->as_string() == "linear") {
    Result<LinearProfile> linear = read_linear_profile(*json, path);
    if (!linear) return linear.error();
    return StepProfile(std::move(*linear));
  }
  if (form != nullptr && form->is_string() && form->as_string() == "compact") {
    Result<CompactProfile> compact = read_compact_profile(*json, path);
    if (!compact) return compact.error();
    return StepProfile(std::move(*compact));
  }
  if (form != nullptr && form->is_string() && form->as_string() == "cpu") {
    Result<CpuProfile> cpu = read_cpu_profile(*json, path);
    if (!cpu) return cpu.error();
    return StepProfile(std::move(*cpu));
  }
  if (form == nullptr || (form->is_string() && form->as_string() == "fitted")) {
    Result<EngineProfile> fitted = read_profile(*json, path);
    if (!fitted) return fitted.error();
    return StepProfile(std::move(*fitted));
  }
  Diagnostics faults;
  Reader root(*json, path, faults);
  root.choice("form", {"fitted", "linear", "compact", "cpu"});
  return faults.combined();
}

}  // namespace eph::models
