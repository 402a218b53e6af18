#include "scenario/profiles.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

namespace eph::scenario {

namespace fs = std::filesystem;

std::vector<std::string> shipped_profiles(const models::Catalog& catalog) {
  std::vector<std::string> out;
  std::error_code failed;
  for (fs::directory_iterator it(fs::path(catalog.folder()) / "profiles", failed), end; it != end;
       it.increment(failed)) {
    if (failed) break;
    if (it->path().extension() == ".json") out.push_back(it->path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

namespace {

// nullopt: any, of a linear one.
std::optional<models::EngineKind> engine_of(const models::StepProfile& profile) {
  if (const auto* fitted = std::get_if<models::EngineProfile>(&profile)) return fitted->engine;
  if (const auto* cpu = std::get_if<models::CpuProfile>(&profile)) return cpu->engine;
  if (const auto* compact = std::get_if<models::CompactProfile>(&profile)) return compact->engine;
  return std::nullopt;
}

Result<FoundProfile> given_profile(const std::string& path, models::EngineKind engine) {
  Result<models::StepProfile> profile = models::load_step_profile(path);
  if (!profile) return profile.error();
  const std::optional<models::EngineKind> of = engine_of(*profile);
  if (of && *of != engine) {
    return usage_error(fmt::format("profile {} is of {}, the deployment runs {}", path,
                                   models::name(*of), models::name(engine)),
                       "give a profile of the same engine");
  }
  return FoundProfile{path, path, std::move(*profile)};
}

}  // namespace

Result<FoundProfile> find_profile(const models::Catalog& catalog, const std::string& given,
                                  models::EngineKind engine, const models::GpuSpec& gpu) {
  if (!given.empty()) return given_profile(given, engine);
  std::optional<FoundProfile> other_gpu;
  for (const std::string& path : shipped_profiles(catalog)) {
    Result<models::StepProfile> profile = models::load_step_profile(path);
    if (!profile) return profile.error();
    if (engine_of(*profile) != engine) continue;
    // Of one deployment alone: only for those who ask for it.
    if (std::holds_alternative<models::CompactProfile>(*profile)) continue;
    const auto* fitted = std::get_if<models::EngineProfile>(&*profile);
    const bool same_gpu = fitted == nullptr || fitted->gpu == gpu.name;
    if (!same_gpu && other_gpu) continue;
    FoundProfile found{path, fs::path(path).filename().string(), std::move(*profile)};
    if (same_gpu) return found;
    other_gpu = std::move(found);
  }
  if (other_gpu) return std::move(*other_gpu);
  return usage_error(fmt::format("no profile of {} is shipped", models::name(engine)),
                     "give one with --profile FILE, or make one with ephemeris calibrate");
}

}  // namespace eph::scenario
