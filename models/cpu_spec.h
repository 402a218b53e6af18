#pragma once
// Processors and the cloud machines that have them: facts of data/cpus.
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/units.h"
#include "models/gpu_spec.h"

namespace eph::models {

struct CpuMachine {
  std::string name;   // instance type: "m7i.4xlarge"
  std::string cloud;  // "aws"
  std::string kind;   // catalogue key of its processor
  int cores = 0;      // physical cores; llama.cpp runs one thread on each
  Bytes memory;
};

struct CpuKind {
  std::string name;  // "sapphire-rapids"
  std::string display;
  std::string vector;                  // "avx", "avx2", "avx512", "amx", "neon" or "sve"
  std::vector<std::string> instances;  // "aws/m7i.": how "<cloud>/<instance type>" begins
  std::vector<CpuMachine> machines;
};

// All files of the folder, in byte order.
[[nodiscard]] Result<std::vector<CpuKind>> load_cpu_kinds(const std::string& folder);

// The kind with the longest matching entry of `instances`; nullptr when there is none.
[[nodiscard]] const CpuKind* find_cpu_kind(const std::vector<CpuKind>& kinds,
                                           std::string_view cloud, std::string_view instance);

// A machine by name, case-insensitive; nullptr when no file has it.
[[nodiscard]] const CpuMachine* find_cpu_machine(const std::vector<CpuKind>& kinds,
                                                 std::string_view name);

// The machine in the place of an accelerator: its memory holds weights and KV cache. It has no
// peaks of a data sheet: its speed comes from a profile of form "cpu".
[[nodiscard]] GpuSpec as_gpu(const CpuMachine& machine);

}  // namespace eph::models
