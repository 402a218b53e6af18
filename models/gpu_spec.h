#pragma once
// What a GPU (or other accelerator) is: the published figures that the models need.
#include <cstdint>
#include <string>
#include <vector>

#include "core/units.h"

namespace eph::models {

// Rates are dense (no sparsity) peaks of the data sheet.
struct GpuSpec {
  std::string name;                  // catalogue key: "h100-sxm"
  std::string display;               // "NVIDIA H100 SXM5 80 GB"
  std::string architecture;          // "hopper", "ampere", "ada", "blackwell"
  std::vector<std::string> aliases;  // names that tools print: "NVIDIA H100 80GB HBM3"
  Bytes memory;          // total as nvidia-smi prints it (81559 MiB for "80 GB" H100 SXM)
  Bytes visible_memory;  // total as CUDA programs see it (cudaMemGetInfo): what vLLM's rule starts
                         // from
  BytesPerSecond memory_bandwidth;
  FlopsPerSecond bf16;
  FlopsPerSecond fp8;  // 0 where the hardware has no FP8 matrix units
  FlopsPerSecond fp4;  // 0 likewise
  // One direction, per GPU, between GPUs of one node; PCIe bandwidth where there is no NVLink.
  BytesPerSecond link_bandwidth;
  bool has_nvlink = false;
  // PCIe cards that a bridge joins in groups of this many, at this rate in one direction; 0: none.
  int bridge_gpus = 0;
  BytesPerSecond bridge_bandwidth;
  int max_gpus_per_node = 8;
  int sm_count = 0;
  // Of a machine without accelerator (models/cpu_spec.h): cores and cloud; `architecture` is then
  // the processor's kind.
  int cpu_cores = 0;
  std::string cpu_cloud = {};

  [[nodiscard]] bool is_cpu() const { return cpu_cores > 0; }
};

}  // namespace eph::models
