#pragma once
// GpuSpec from a file of data/gpus.
#include <string>

#include "core/result.h"
#include "models/gpu_spec.h"

namespace eph::models {

// Strict: unknown keys, missing keys and wrong units are faults, all reported at once.
[[nodiscard]] Result<GpuSpec> load_gpu_file(const std::string& path);

}  // namespace eph::models
