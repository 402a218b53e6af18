#include "models/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/text.h"
#include "models/engine_file.h"
#include "models/gpu_file.h"
#include "models/llm_config.h"
#include "models/llm_file.h"

namespace eph::models {
namespace fs = std::filesystem;
namespace {

std::string name_of_stem(std::string stem) {
  const std::size_t dashes = stem.find("--");
  if (dashes != std::string::npos) stem.replace(dashes, 2, "/");
  return stem;
}

std::string short_name(std::string_view name) {
  return std::string(name.substr(name.rfind('/') + 1));
}

bool same(std::string_view a, std::string_view b) { return to_lower(a) == to_lower(b); }

// The entry whose full name, else whose part after '/', is `wanted`.
const std::string* find_name(const std::vector<std::string>& names, std::string_view wanted) {
  for (const std::string& name : names)
    if (same(name, wanted)) return &name;
  for (const std::string& name : names)
    if (same(short_name(name), wanted)) return &name;
  return nullptr;
}

bool looks_like_path(std::string_view text) {
  return text.rfind('/', 0) == 0 || text.rfind("./", 0) == 0 || text.rfind("../", 0) == 0 ||
         (text.size() > 5 && text.substr(text.size() - 5) == ".json");
}

// The config.json meant by a path, or nullopt when there is nothing at it.
std::optional<std::string> config_at(std::string_view path) {
  std::error_code ignored;
  const fs::path given{std::string(path)};
  if (fs::is_directory(given, ignored)) {
    const fs::path config = given / "config.json";
    if (fs::exists(config, ignored)) return config.string();
    return std::nullopt;
  }
  if (fs::exists(given, ignored)) return given.string();
  return std::nullopt;
}

Error unknown(std::string_view kind, std::string_view wanted,
              const std::vector<std::string>& candidates, std::string_view more = {}) {
  return usage_error(fmt::format("{} \"{}\" is not in the catalogue", kind, wanted),
                     fmt::format("{}{}", suggest(wanted, candidates), more));
}

}  // namespace

std::string file_stem(std::string_view name) {
  std::string stem(name);
  const std::size_t slash = stem.find('/');
  if (slash != std::string::npos) stem.replace(slash, 1, "--");
  return stem;
}

std::string Catalog::path_of(std::string_view kind, std::string_view name) const {
  return (fs::path(folder_) / std::string(kind) / (file_stem(name) + ".json")).string();
}

Result<std::vector<std::string>> Catalog::names(std::string_view kind) const {
  const fs::path folder = fs::path(folder_) / std::string(kind);
  std::error_code failed;
  std::vector<std::string> names;
  fs::directory_iterator item(folder, failed);
  for (; !failed && item != fs::directory_iterator(); item.increment(failed))
    if (item->path().extension() == ".json")
      names.push_back(name_of_stem(item->path().stem().string()));
  if (failed)
    return io_error(folder.string(), fmt::format("cannot list the folder: {}", failed.message()));
  std::sort(names.begin(), names.end());
  return names;
}

// The file of an entry of exactly this name, without listing the folder.
std::optional<std::string> Catalog::file_of(std::string_view kind, std::string_view name) const {
  const std::string stem = file_stem(name);
  if (name.empty() || name.find("--") != std::string_view::npos ||
      stem.find('/') != std::string::npos)
    return std::nullopt;
  std::string path = path_of(kind, name);
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) ? std::optional(std::move(path)) : std::nullopt;
}

Result<GpuSpec> Catalog::gpu(std::string_view name) const {
  if (const auto file = file_of("gpus", name)) return load_gpu_file(*file);
  auto known = gpu_names();
  if (!known) return known.error();
  if (const std::string* found = find_name(*known, name))
    return load_gpu_file(path_of("gpus", *found));
  for (const std::string& candidate : *known) {
    auto spec = load_gpu_file(path_of("gpus", candidate));
    if (!spec) return spec.error();
    const bool alias = std::any_of(spec->aliases.begin(), spec->aliases.end(),
                                   [name](const std::string& text) { return same(text, name); });
    if (alias || same(spec->display, name)) return spec;
  }
  auto kinds = cpu_kinds();
  if (!kinds && kinds.error().kind != ErrorKind::io) return kinds.error();
  if (kinds) {
    if (const CpuMachine* machine = find_cpu_machine(*kinds, name)) return as_gpu(*machine);
  }
  return unknown("GPU", name, *known);
}

Result<LlmSpec> Catalog::llm(std::string_view name_or_path) const {
  if (const auto file = file_of("llms", name_or_path)) {
    auto entry = load_llm_file(*file);
    if (!entry) return entry.error();
    return entry->spec;
  }
  auto known = llm_names();
  if (!known) return known.error();
  if (!looks_like_path(name_or_path)) {
    if (const std::string* found = find_name(*known, name_or_path)) {
      auto entry = load_llm_file(path_of("llms", *found));
      if (!entry) return entry.error();
      return entry->spec;
    }
  }
  if (const auto config = config_at(name_or_path)) return load_hf_config(*config);
  if (looks_like_path(name_or_path))
    return io_error(std::string(name_or_path), "no such file, and no folder with a config.json");

  std::vector<std::string> candidates = *known;
  for (const std::string& name : *known) {
    auto entry = load_llm_file(path_of("llms", name));
    if (!entry) return entry.error();
    if (find_name(entry->aliases, name_or_path) != nullptr) return entry->spec;
    for (const std::string& alias : entry->aliases) candidates.push_back(alias);
  }
  const std::size_t full_names = candidates.size();
  for (std::size_t i = 0; i < full_names; ++i) candidates.push_back(short_name(candidates[i]));
  return unknown("language model", name_or_path, candidates, "; or give the path of a config.json");
}

Result<EngineSpec> Catalog::engine(EngineKind kind) const {
  return load_engine_file(path_of("engines", models::name(kind)));
}

Result<NetworkProfile> Catalog::network(std::string_view name) const {
  if (name.ends_with(".json")) return load_network_file(std::string(name));
  auto known = network_names();
  if (!known) return known.error();
  if (const std::string* found = find_name(*known, name))
    return load_network_file(path_of("networks", *found));
  return unknown("network", name, *known);
}

Result<ClusterSpec> Catalog::topology(std::string_view name_or_path) const {
  if (const auto file = file_of("topology", name_or_path)) return load_cluster_file(*file);
  auto known = topology_names();
  if (!known) return known.error();
  if (looks_like_path(name_or_path)) return load_cluster_file(std::string(name_or_path));
  if (const std::string* found = find_name(*known, name_or_path))
    return load_cluster_file(path_of("topology", *found));
  return unknown("topology", name_or_path, *known, "; or give the path of a file");
}

Result<PriceBook> Catalog::prices() const { return PriceBook::load(path_of("prices", "default")); }

}  // namespace eph::models
