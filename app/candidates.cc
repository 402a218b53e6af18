#include "app/candidates.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/text.h"
#include "scenario/engine_options.h"
#include "scenario/fields.h"

namespace eph::app {

namespace {

using scenario::Conflict;
using scenario::DeploymentSpec;
using scenario::EngineSetting;

std::string joined(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

std::vector<std::string> engines_of(const std::vector<DeploymentSpec>& candidates) {
  std::vector<std::string> out;
  for (const DeploymentSpec& spec : candidates) add_once(out, spec.engine);
  return out;
}

void put(const EngineSetting& setting, DeploymentSpec& spec) {
  std::erase_if(spec.engine_options,
                [&](const EngineSetting& other) { return other.name == setting.name; });
  spec.engine_options.push_back(setting);
}

Error nobody(std::string_view flag, const std::string& engine) {
  return usage_error(fmt::format("{}: no candidate runs {}", flag, engine),
                     fmt::format("leave it out, or add --engine {}", engine));
}

// "trtllm:tuned,default": by engine, and what has no engine is for all others.
void deliver_preset(std::vector<DeploymentSpec>& candidates, std::vector<Error>& faults) {
  const std::string text = candidates.front().preset;
  if (text.find(':') == std::string::npos) return;
  std::string others;
  std::vector<std::pair<std::string, std::string>> by_engine;
  for (const std::string_view part : split(text, ',')) {
    const std::string item(trim(part));
    const auto colon = item.find(':');
    if (colon == std::string::npos)
      others = item;
    else
      by_engine.emplace_back(item.substr(0, colon), item.substr(colon + 1));
  }
  for (DeploymentSpec& spec : candidates) {
    spec.preset = others;
    for (const auto& [engine, name] : by_engine)
      if (engine == spec.engine) spec.preset = name;
  }
  const std::vector<std::string> engines = engines_of(candidates);
  for (const auto& [engine, name] : by_engine)
    if (std::find(engines.begin(), engines.end(), engine) == engines.end())
      faults.push_back(nobody(fmt::format("--preset {}:{}", engine, name), engine));
}

// The candidate as if that had not been said.
void take_off(const std::string& id, DeploymentSpec& spec) {
  if (id == "deployment/chunk_tokens") spec.chunk_tokens.reset();
  if (id == "deployment/chunked_prefill") spec.chunked_prefill.reset();
  if (id == "deployment/schedule_policy") spec.schedule_policy = DeploymentSpec{}.schedule_policy;
  std::erase_if(spec.engine_options, [&](const EngineSetting& s) {
    return fmt::format("{}/{}", scenario::kEngineOptions, s.name) == id;
  });
}

struct Found {
  Conflict conflict;
  std::vector<std::string> engines;
};

// The same conflict of several candidates once.
std::vector<Found> find_all(const scenario::Scenario& scenario, const scenario::Given& given,
                            const scenario::Spelling& spelling,
                            const std::vector<DeploymentSpec>& candidates) {
  std::vector<Found> out;
  for (const DeploymentSpec& spec : candidates) {
    scenario::Scenario one = scenario;
    one.deployment = spec;
    for (Conflict& c : find_conflicts(one, given, spelling)) {
      const auto same = std::find_if(out.begin(), out.end(), [&](const Found& f) {
        return f.conflict.id == c.id && f.conflict.foreign == c.foreign &&
               (c.foreign || f.conflict.what == c.what);
      });
      if (same == out.end())
        out.push_back({std::move(c), {spec.engine}});
      else
        add_once(same->engines, spec.engine);
    }
  }
  return out;
}

Conflict of_all(Conflict conflict, const std::vector<std::string>& engines) {
  const std::string prefix = fmt::format("{}/", scenario::kEngineOptions);
  if (!conflict.id.starts_with(prefix)) {
    conflict.what = fmt::format("has no effect on any of {}", joined(engines));
    return conflict;
  }
  const Error error = scenario::taken_by_none(engines, conflict.id.substr(prefix.size()));
  conflict.what = error.what;
  conflict.remedy = error.remedy;
  return conflict;
}

}  // namespace

AddressedSetting address(EngineSetting setting) {
  const auto colon = setting.name.find(':');
  if (colon == std::string::npos) return {"", std::move(setting)};
  return {setting.name.substr(0, colon), {setting.name.substr(colon + 1), setting.value}};
}

std::vector<Error> deliver(const std::vector<AddressedSetting>& addressed,
                           std::vector<DeploymentSpec>& candidates) {
  std::vector<Error> faults;
  std::map<std::pair<std::string, std::string>, std::string> values;
  for (const auto& [engine, setting] : addressed) {
    const auto first = values.emplace(std::pair(engine, setting.name), setting.value).first;
    if (first->second != setting.value)
      faults.push_back(usage_error(fmt::format("--set {}:{}: {} contradicts {}", engine,
                                               setting.name, setting.value, first->second),
                                   "give one value"));
    bool delivered = false;
    for (DeploymentSpec& spec : candidates) {
      if (spec.engine != engine) continue;
      delivered = true;
      if (!scenario::is_foreign(spec, setting)) {
        put(setting, spec);
        continue;
      }
      const Error why = check_setting(spec, setting).error();
      faults.push_back(usage_error(fmt::format("--set {}:{}", engine, why.what), why.remedy));
      break;
    }
    if (!delivered)
      faults.push_back(nobody(fmt::format("--set {}:{}", engine, setting.name), engine));
  }
  if (!candidates.empty()) deliver_preset(candidates, faults);
  return faults;
}

CandidateFaults check_candidates(const scenario::Scenario& scenario, const scenario::Given& given,
                                 const scenario::Spelling& spelling, bool varied,
                                 std::vector<DeploymentSpec>& candidates) {
  const std::vector<std::string> engines = engines_of(candidates);
  const bool several = engines.size() > 1;
  CandidateFaults out;
  for (Found& found : find_all(scenario, given, spelling, candidates)) {
    const bool all = found.engines.size() == engines.size();
    Conflict& c = found.conflict;
    if (c.foreign && ((several && !all) || varied)) {
      for (DeploymentSpec& spec : candidates)
        if (std::find(found.engines.begin(), found.engines.end(), spec.engine) !=
            found.engines.end())
          take_off(c.id, spec);
      if (!varied) {
        out.notes.push_back(
            fmt::format("{} does not apply to {}", spelling(c.id), joined(found.engines)));
        continue;
      }
    }
    if (several && c.foreign) c = of_all(std::move(c), engines);
    if (several && !all) c.what = fmt::format("{}: {}", joined(found.engines), c.what);
    out.conflicts.push_back(std::move(c));
  }
  return out;
}

}  // namespace eph::app
