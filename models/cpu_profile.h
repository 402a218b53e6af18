#pragma once
// Fitted speed of llama.cpp on kinds of processors and on single machines: a profile of form "cpu".
#include <string>
#include <string_view>
#include <vector>

#include "core/json_doc.h"
#include "core/result.h"
#include "models/cpu_model.h"
#include "models/engine_kind.h"
#include "models/gpu_spec.h"
#include "models/profile.h"

namespace eph::models {

// How the kernels for one set of vector instructions behave.
struct CpuClass {
  std::string name;                                                        // "avx512"
  double small_matrix = 0, attention = 1, head_overhead = 0, kv_read = 1;  // as in CpuRates
  double sync_growth = 0;  // pause per layer grows with cores^sync_growth
};

// A kind of processor: rates of `n` cores are 1 / (1 / (n per core) + 1 / all).
struct CpuKindRates {
  std::string name, cls;
  double sync_us = 0;  // per layer and pass, one core
  double core_bytes_per_s = 0, all_bytes_per_s = 0;
  double core_flops_per_s = 0, all_flops_per_s = 0;
  std::size_t rows = 0;
};

// How one measured machine differs from its kind.
struct CpuMachineFactors {
  std::string name, cloud;
  double log_sync = 0, log_bytes = 0, log_flops = 0;
  std::size_t rows = 0;
};

struct CpuSpread {
  double prompt = 0, generation = 0;  // sd of the logarithm: 90 % of held-out rows within 1.645 sd
};

struct CpuProfile {
  EngineKind engine = EngineKind::llamacpp;
  std::vector<CpuClass> classes;
  std::vector<CpuKindRates> kinds;
  std::vector<CpuMachineFactors> machines;
  CpuSpread measured_machine;           // from one model held out
  CpuSpread new_machine;                // from one machine held out
  std::vector<std::string> models;      // measured
  std::vector<std::string> precisions;  // measured
  std::vector<ErrorFigure> errors;
  std::vector<std::string> sources;
  std::string command, commit;

  [[nodiscard]] const CpuMachineFactors* machine(std::string_view cloud,
                                                 std::string_view name) const;
  // Rates of a machine of that kind and size. A usage error when the kind was not measured.
  [[nodiscard]] Result<CpuRates> rates(const GpuSpec& machine) const;
};

[[nodiscard]] Json to_json(const CpuProfile& profile);
[[nodiscard]] Result<CpuProfile> read_cpu_profile(const Json& json, const std::string& file);

}  // namespace eph::models
