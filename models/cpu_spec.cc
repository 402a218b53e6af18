#include "models/cpu_spec.h"

#include <algorithm>
#include <filesystem>

#include "core/json_doc.h"
#include "core/reader.h"
#include "core/text.h"

namespace eph::models {
namespace {

constexpr int kMostCores = 4096;

Result<CpuKind> load_cpu_file(const std::string& path) {
  auto json = load_json(path);
  if (!json) return json.error();
  Diagnostics faults;
  Reader root(*json, path, faults);
  CpuKind kind;
  root.integer("version", {.min = 1, .max = 1});
  kind.name = root.string("name");
  kind.display = root.string("display");
  const std::initializer_list<std::string_view> vectors{"avx", "avx2", "avx512",
                                                        "amx", "neon", "sve"};
  kind.vector = std::string(*(vectors.begin() + root.choice("vector", vectors)));
  kind.instances = root.strings("instances");
  for (Reader& item : root.objects("machines")) {
    CpuMachine machine;
    machine.name = item.string("name");
    machine.cloud = item.string("cloud");
    machine.kind = kind.name;
    machine.cores = static_cast<int>(item.integer("cores", {.min = 1, .max = kMostCores}));
    machine.memory = item.bytes("memory");
    if (item.has("memory") && machine.memory.value <= 0) item.fault("memory", "must be above zero");
    item.finish();
    kind.machines.push_back(std::move(machine));
  }
  root.strings("sources");
  root.finish();
  if (!faults.ok()) return faults.combined();
  return kind;
}

}  // namespace

Result<std::vector<CpuKind>> load_cpu_kinds(const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<std::string> paths;
  std::error_code failed;
  for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
    if (it->path().extension() == ".json") paths.push_back(it->path().string());
  }
  if (failed) return io_error(folder, "cannot list the folder: " + failed.message());
  std::sort(paths.begin(), paths.end());
  std::vector<CpuKind> out;
  for (const std::string& path : paths) {
    auto kind = load_cpu_file(path);
    if (!kind) return kind.error();
    out.push_back(std::move(*kind));
  }
  return out;
}

const CpuKind* find_cpu_kind(const std::vector<CpuKind>& kinds, std::string_view cloud,
                             std::string_view instance) {
  const std::string key = std::string(cloud) + "/" + std::string(instance);
  const CpuKind* best = nullptr;
  std::size_t longest = 0;
  for (const CpuKind& kind : kinds) {
    for (const std::string& start : kind.instances) {
      if (!key.starts_with(start) || start.size() <= longest) continue;
      best = &kind;
      longest = start.size();
    }
  }
  return best;
}

const CpuMachine* find_cpu_machine(const std::vector<CpuKind>& kinds, std::string_view name) {
  const std::string wanted = to_lower(name);
  for (const CpuKind& kind : kinds) {
    for (const CpuMachine& machine : kind.machines) {
      if (to_lower(machine.name) == wanted) return &machine;
    }
  }
  return nullptr;
}

GpuSpec as_gpu(const CpuMachine& machine) {
  GpuSpec out;
  out.name = machine.name;
  out.display = machine.cloud + " " + machine.name;
  out.architecture = machine.kind;
  out.memory = out.visible_memory = machine.memory;
  out.max_gpus_per_node = 1;
  out.cpu_cores = machine.cores;
  out.cpu_cloud = machine.cloud;
  return out;
}

}  // namespace eph::models
