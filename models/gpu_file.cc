#include "models/gpu_file.h"

#include "core/json_doc.h"
#include "core/reader.h"

namespace eph::models {
namespace {

Bytes positive_bytes(Reader& root, std::string_view key) {
  const Bytes value = root.bytes(key);
  if (root.has(key) && value.value <= 0) root.fault(key, "must be above zero");
  return value;
}

}  // namespace

Result<GpuSpec> load_gpu_file(const std::string& path) {
  auto json = load_json(path);
  if (!json) return json.error();
  Diagnostics faults;
  Reader root(*json, path, faults);
  GpuSpec gpu;
  root.integer("version", {.min = 1, .max = 1});
  gpu.name = root.string("name");
  gpu.display = root.string("display");
  gpu.aliases = root.strings("aliases", false);
  gpu.architecture = root.string("architecture");
  gpu.memory = positive_bytes(root, "memory");
  gpu.visible_memory = positive_bytes(root, "visible_memory");
  if (gpu.visible_memory > gpu.memory)
    root.fault("visible_memory", "is above memory", "programs cannot see more than the driver has");
  gpu.memory_bandwidth = root.bandwidth("memory_bandwidth");
  gpu.bf16 = root.flops("bf16");
  gpu.fp8 = root.flops("fp8", FlopsPerSecond{0});
  gpu.fp4 = root.flops("fp4", FlopsPerSecond{0});
  gpu.link_bandwidth = root.bandwidth("link_bandwidth");
  gpu.has_nvlink = root.boolean("has_nvlink");
  if (root.has("bridge_gpus") || root.has("bridge_bandwidth")) {
    gpu.bridge_gpus = static_cast<int>(root.integer("bridge_gpus", {.min = 2, .max = 1024}));
    gpu.bridge_bandwidth = root.bandwidth("bridge_bandwidth");
  }
  gpu.max_gpus_per_node =
      static_cast<int>(root.integer("max_gpus_per_node", {.min = 1, .max = 1024}));
  gpu.sm_count = static_cast<int>(root.integer("sm_count", {.min = 1, .max = 100000}));
  root.strings("sources");
  root.finish();
  if (!faults.ok()) return faults.combined();
  return gpu;
}

}  // namespace eph::models
