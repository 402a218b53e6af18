#include "scenario/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/reader.h"
#include "scenario/engine_options.h"
#include "scenario/fields.h"

namespace eph::scenario {

namespace {

// Names of models may be paths too: those that look like one.
bool looks_like_path(const std::string& text) {
  return text.starts_with(".") || text.starts_with("/") || text.ends_with(".json");
}

void resolve(std::string& path, const std::string& file) {
  if (path.empty() || std::filesystem::path(path).is_absolute()) return;
  path = (std::filesystem::path(file).parent_path() / path).lexically_normal().string();
}

void resolve_paths(DeploymentSpec& deployment, const std::string& file) {
  resolve(deployment.profile, file);
  for (std::string* name : {&deployment.model, &deployment.network, &deployment.topology})
    if (looks_like_path(*name)) resolve(*name, file);
}

void resolve_paths(Scenario& scenario, const std::string& file) {
  resolve_paths(scenario.deployment, file);
  for (PoolSpec& pool : scenario.pools) resolve_paths(pool.deployment, file);
  resolve(scenario.workload.trace, file);
  if (looks_like_path(scenario.workload.model)) resolve(scenario.workload.model, file);
}

void read_section(Reader& reader, std::string_view section, ScenarioFile& out) {
  for (const Field& field : fields()) {
    if (field.section != section) continue;
    const Json* json = reader.raw(field.key);
    if (json == nullptr) continue;
    Result<FieldValue> value = read_value(field, *json);
    if (!value) {
      reader.fault(field.key, value.error().what, value.error().remedy);
      continue;
    }
    field.set(out.scenario, *value);
    out.given.insert(field.id());
  }
}

// The engines' own names: scalars, kept as text until the engine is known.
void read_engine_options(Reader& deployment, ScenarioFile& out) {
  const Json* options = deployment.raw("engine_options");
  if (options == nullptr) return;
  if (!options->is_object()) {
    deployment.fault("engine_options",
                     fmt::format("expected an object, found {}", options->type_name()),
                     "write {\"max_num_seqs\": 256}");
    return;
  }
  for (const auto& [name, value] : options->members()) {
    if (value.is_object() || value.is_array()) {
      deployment.fault("engine_options", fmt::format("{} is {}", name, value.type_name()),
                       "give a number, a text, true or false");
      continue;
    }
    out.scenario.deployment.engine_options.push_back(
        {name, value.is_string() ? value.as_string() : value.dump(-1)});
    out.given.insert(fmt::format("{}/{}", kEngineOptions, name));
  }
}

// Keys of a deployment that mean something to the engine they were written for alone.
constexpr std::array<std::string_view, 5> kOfTheEngine{"engine_version", "preset", "chunk_tokens",
                                                       "chunked_prefill", "schedule_policy"};

// The field that one of these settings stands for, as "deployment/KEY".
bool stands_for(const std::vector<EngineSetting>& settings, const std::string& engine,
                std::string_view id) {
  const auto kind = models::parse_engine(engine);
  if (!kind) return false;
  for (const EngineOption& option : engine_options())
    for (const EngineSetting& setting : settings)
      if (option.engine == *kind && option.field.key == setting.name && option.stands_for == id)
        return true;
  return false;
}

// What a pool takes over from the deployment: all that it does not say itself, in whichever way;
// from one of another engine nothing that is this engine's own.
void take_over(const ScenarioFile& whole, const Json* deployment, const ScenarioFile& own,
               bool has_options, Scenario& out, PoolSpec& spec) {
  const DeploymentSpec& base = whole.scenario.deployment;
  const DeploymentSpec& pool = own.scenario.deployment;
  const std::string engine = own.given.contains("deployment/engine") ? pool.engine : base.engine;
  const bool same = engine == base.engine;
  for (const Field& field : fields()) {
    const std::string id = field.id();
    if (field.section != "deployment" || !whole.given.contains(id) || own.given.contains(id) ||
        stands_for(pool.engine_options, engine, id))
      continue;
    if (!same &&
        std::find(kOfTheEngine.begin(), kOfTheEngine.end(), field.key) != kOfTheEngine.end()) {
      spec.left_out.emplace_back(field.key);
      continue;
    }
    if (const auto value = read_value(field, *deployment->find(field.key)); value)
      field.set(out, *value);
  }
  for (const EngineSetting& setting : base.engine_options) {
    if (!same) {
      if (!has_options) spec.left_out.push_back(setting.name);
      continue;
    }
    const auto again = [&](const EngineSetting& s) { return s.name == setting.name; };
    const bool said = std::any_of(own.given.begin(), own.given.end(), [&](const std::string& id) {
      return stands_for({setting}, engine, id);
    });
    if (!said && std::none_of(pool.engine_options.begin(), pool.engine_options.end(), again))
      out.deployment.engine_options.push_back(setting);
  }
}

// Further pools: the deployment's keys again, as far as they are different, and what they take.
void read_pools(Reader& root, const Json* deployment, ScenarioFile& out) {
  for (Reader& pool : root.objects("pools", false)) {
    ScenarioFile own;
    own.scenario.pools.emplace_back();
    read_section(pool, "deployment", own);
    read_section(pool, "pools", own);
    read_engine_options(pool, own);
    PoolSpec spec = std::move(own.scenario.pools.back());
    Scenario whole;
    take_over(out, deployment, own, pool.has("engine_options"), whole, spec);
    for (const Field& field : fields())
      if (field.section == "deployment" && own.given.contains(field.id()))
        if (const auto value = read_value(field, *pool.raw(field.key)); value)
          field.set(whole, *value);
    for (EngineSetting& setting : own.scenario.deployment.engine_options)
      whole.deployment.engine_options.push_back(std::move(setting));
    pool.finish();
    spec.deployment = std::move(whole.deployment);
    if (spec.name.empty()) spec.name = fmt::format("pool {}", out.scenario.pools.size() + 1);
    out.given.insert("pools");
    for (const std::string& id : own.given)
      out.given.insert(
          fmt::format("pools/{}/{}", out.scenario.pools.size(), id.substr(id.find('/') + 1)));
    out.scenario.pools.push_back(std::move(spec));
  }
}

// Reads the whole tree; the empty synthetic object counts as given too.
void read_tree(const Json& json, const std::string& file, Diagnostics& faults, ScenarioFile& out) {
  Reader root(json, file, faults);
  root.integer("version", {.min = 1, .max = 1});
  root.string("$schema", "");
  read_section(root, "", out);
  Reader deployment = root.object("deployment", false);
  read_section(deployment, "deployment", out);
  read_engine_options(deployment, out);
  deployment.finish();
  Reader fleet = root.object("fleet", false);
  read_section(fleet, "fleet", out);
  fleet.finish();
  Reader split = root.object("disaggregation", false);
  read_section(split, "disaggregation", out);
  split.finish();
  read_pools(root, json.find("deployment"), out);
  Reader workload = root.object("workload", false);
  read_section(workload, "workload", out);
  Reader synthetic = workload.object("synthetic", false);
  if (workload.has("synthetic")) {
    out.scenario.workload.synthetic.emplace();
    out.given.insert("workload/synthetic/arrivals");
  }
  read_section(synthetic, "workload/synthetic", out);
  synthetic.finish();
  workload.finish();
  root.finish();
}

std::string last_part(std::string_view id) {
  const auto slash = id.rfind('/');
  return fmt::format("\"{}\"", slash == std::string_view::npos ? id : id.substr(slash + 1));
}

void add_conflicts(const std::vector<Conflict>& conflicts, const Json& json,
                   const std::string& file, Diagnostics& faults) {
  for (const Conflict& conflict : conflicts) {
    const Json* at = json.at_path(conflict.id);
    SourcePlace place{file, at == nullptr ? 0 : at->line(), at == nullptr ? 0 : at->column(),
                      "/" + conflict.id};
    std::string what = conflict.what;
    if (const Json* other = json.at_path(conflict.other);
        !conflict.other.empty() && other != nullptr)
      what += fmt::format(" in line {}", other->line());
    faults.add(Error{ErrorKind::usage, std::move(place), std::move(what), conflict.remedy});
  }
}

Result<ScenarioFile> parse(const Json& json, const std::string& file, bool complete) {
  Diagnostics faults;
  ScenarioFile out;
  read_tree(json, file, faults, out);
  if (json.is_object()) {
    for (const std::string& id : out.given)
      if (const Json* at = json.at_path(id); at != nullptr) out.lines.emplace(id, at->line());
    add_conflicts(find_conflicts(out.scenario, out.given, last_part), json, file, faults);
    if (complete && faults.ok()) {
      add_conflicts(find_missing(out.scenario, out.given, last_part), json, file, faults);
    }
  }
  if (!faults.ok()) return faults.combined();
  resolve_paths(out.scenario, file);
  return out;
}

}  // namespace

Result<ScenarioFile> parse_scenario_part(const Json& json, const std::string& file) {
  return parse(json, file, false);
}

Result<ScenarioFile> load_scenario_part(const std::string& path) {
  Result<Json> json = load_json(path);
  if (!json) return json.error();
  return parse_scenario_part(*json, path);
}

Result<Scenario> parse_scenario(const Json& json, const std::string& file) {
  Result<ScenarioFile> part = parse(json, file, true);
  if (!part) return part.error();
  return std::move(part->scenario);
}

Result<Scenario> load_scenario(const std::string& path) {
  Result<Json> json = load_json(path);
  if (!json) return json.error();
  return parse_scenario(*json, path);
}

}  // namespace eph::scenario
