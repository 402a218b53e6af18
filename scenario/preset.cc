#include "scenario/preset.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "core/json_doc.h"
#include "core/reader.h"
#include "core/text.h"
#include "scenario/engine_options.h"

namespace eph::scenario {

namespace {

constexpr std::string_view kTokens = "max_num_batched_tokens", kSequences = "max_num_seqs";

std::vector<std::pair<std::string, const Json*>> members(Reader& preset, std::string_view key) {
  std::vector<std::pair<std::string, const Json*>> out;
  const Json* object = preset.raw(key);
  if (object == nullptr) return out;
  if (!object->is_object()) {
    preset.fault(key, fmt::format("expected an object, found {}", object->type_name()),
                 "write {\"option\": value}");
    return out;
  }
  for (const auto& [name, value] : object->members()) out.emplace_back(name, &value);
  return out;
}

Preset read_preset(Reader& from, models::EngineKind engine) {
  Preset out;
  out.name = from.string("name");
  out.about = from.string("about");
  out.verified = from.boolean("verified");
  out.sources = from.strings("sources");
  DeploymentSpec probe;
  probe.engine = models::name(engine);
  for (const auto& [name, value] : members(from, "set")) {
    const EngineSetting setting{name, value->is_string() ? value->as_string() : value->dump(-1)};
    if (const Result<void> ok = check_setting(probe, setting); !ok)
      from.fault("set", fmt::format("{}: {}", name, ok.error().what), ok.error().remedy);
    out.set.push_back(setting);
  }
  for (const auto& [name, value] : members(from, "times_default")) {
    if ((name != kTokens && name != kSequences) || !value->is_number() || !(value->as_double() > 0))
      from.fault("times_default", fmt::format("{} is not a factor on a limit", name),
                 "give max_num_batched_tokens or max_num_seqs and a number above 0");
    else
      out.times_default.emplace_back(name, value->as_double());
  }
  from.finish();
  return out;
}

// A limit that follows from the engine's default on this GPU.
bool scale(const std::string& name, double factor, const models::EngineDefaults& defaults,
           DeploymentSpec& spec, EngineSetting& setting) {
  const bool tokens = name == kTokens;
  auto& field = tokens ? spec.max_num_batched_tokens : spec.max_num_seqs;
  if (field) return false;
  const auto base = tokens ? defaults.max_num_batched_tokens : defaults.max_num_seqs;
  field = std::max<std::int64_t>(1, std::llround(factor * static_cast<double>(base)));
  setting = {name, std::to_string(*field)};
  return true;
}

// A size of the cache that the deployment gives in another way leaves none to the preset.
bool is_moot(const EngineSetting& setting, const DeploymentSpec& spec) {
  const bool share = setting.name == "free_gpu_memory_fraction" ||
                     setting.name == "gpu_memory_utilization" ||
                     setting.name == "mem_fraction_static";
  return share && (spec.kv_blocks || spec.tuning.kv_tokens);
}

}  // namespace

Result<std::vector<Preset>> load_preset_file(const std::string& path, models::EngineKind engine) {
  const Result<Json> json = load_json(path);
  if (!json) return json.error();
  Diagnostics faults;
  Reader root(*json, path, faults);
  root.integer("version", {.min = 1, .max = 1});
  if (const std::string name = root.string("engine"); name != models::name(engine))
    root.fault("engine", fmt::format("\"{}\" instead of \"{}\"", name, models::name(engine)));
  std::vector<Preset> out;
  for (Reader& preset : root.objects("presets")) out.push_back(read_preset(preset, engine));
  root.finish();
  if (!faults.ok()) return faults.combined();
  return out;
}

Result<std::vector<std::string>> preset_names(const models::Catalog& catalog,
                                              models::EngineKind engine) {
  std::vector<std::string> out;
  const std::string path = catalog.path_of("presets", models::name(engine));
  if (!std::filesystem::exists(path)) return out;
  const Result<std::vector<Preset>> presets = load_preset_file(path, engine);
  if (!presets) return presets.error();
  for (const Preset& preset : *presets) out.push_back(preset.name);
  return out;
}

Result<std::vector<EngineSetting>> apply_preset(const models::Catalog& catalog,
                                                models::EngineKind engine,
                                                const models::EngineDefaults& defaults,
                                                DeploymentSpec& spec) {
  std::vector<EngineSetting> used;
  if (spec.preset.empty()) return used;
  const std::string path = catalog.path_of("presets", models::name(engine));
  if (!std::filesystem::exists(path)) {
    return usage_error(fmt::format("{} has no preset \"{}\"", models::display(engine), spec.preset),
                       "leave it out, and set the options themselves");
  }
  const Result<std::vector<Preset>> presets = load_preset_file(path, engine);
  if (!presets) return presets.error();
  std::vector<std::string> names;
  for (const Preset& preset : *presets) {
    names.push_back(preset.name);
    if (preset.name != spec.preset) continue;
    for (const EngineSetting& setting : preset.set) {
      if (is_moot(setting, spec)) continue;
      const Result<bool> put = put_setting(engine, setting, spec);
      if (!put) return put.error();
      if (*put) used.push_back(setting);
    }
    for (const auto& [name, factor] : preset.times_default) {
      EngineSetting setting;
      if (scale(name, factor, defaults, spec, setting)) used.push_back(setting);
    }
    return used;
  }
  return usage_error(fmt::format("{} has no preset \"{}\"", models::display(engine), spec.preset),
                     suggest(spec.preset, names));
}

}  // namespace eph::scenario
