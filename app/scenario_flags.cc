#include "app/scenario_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "app/candidates.h"
#include "core/text.h"
#include "scenario/class_priorities.h"
#include "scenario/engine_options.h"
#include "scenario/fields.h"
#include "scenario/parse.h"

namespace eph::app {

namespace {

using scenario::Conflict;
using scenario::Field;
using scenario::FieldValue;
using scenario::Given;

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_synthetic(std::string_view id) { return id.starts_with("workload/synthetic/"); }

bool takes(const FlagUse& use, const Field& field) {
  if (field.flag.empty() || contains(use.without, field.flag)) return false;
  if ((field.section == "fleet" || field.section == "disaggregation") && !use.fleet) return false;
  return use.deployment || field.section.starts_with("workload") || field.key == "seed";
}

Error flag_error(std::string_view flag, const Error& error) {
  return Error{error.kind, {}, fmt::format("--{}: {}", flag, error.what), error.remedy};
}

void add_option(const FlagUse& use, const Field& field, OptionGroup& group) {
  const std::string fallback = field.fallback.empty() ? "" : fmt::format(" [{}]", field.fallback);
  const std::string choices =
      field.choices.empty() ? "" : fmt::format(": {}", fmt::join(field.choices, ", "));
  group.options.push_back({std::string(field.flag), std::string(field.argument),
                           fmt::format("{}{}{}", field.help, choices, fallback),
                           field.many() || contains(use.lists, field.flag)});
}

// Builds the scenario from the file's part and the flags.
class Gatherer {
 public:
  Gatherer(const Arguments& arguments, const FlagUse& use) : arguments_(arguments), use_(use) {}
  Result<GatheredScenario> run();

 private:
  Result<void> load_file();
  void read_flags();
  void read_window();
  void read_settings();
  template <class T>
  void read_many(const Field& field);
  void drop_replaced();
  void drop(std::string_view id);
  void drop_workload();
  void make_candidates();
  void check();
  void check_conflicts();
  [[nodiscard]] std::string spell(std::string_view id) const;
  void apply(const Field& field, const FieldValue& value);

  const Arguments& arguments_;
  const FlagUse& use_;
  GatheredScenario out_;
  Given flags_;  // ids set by flags
  std::vector<std::pair<const Field*, FieldValue>> values_;
  std::vector<AddressedSetting> addressed_;
  Diagnostics faults_;
};

Result<void> Gatherer::load_file() {
  if (!use_.file) return {};
  if (arguments_.has("scenario") && !arguments_.positionals().empty()) {
    return usage_error(fmt::format("\"{}\" and --scenario both name a scenario file",
                                   arguments_.positionals().front()),
                       "give one");
  }
  out_.file = arguments_.has("scenario")         ? arguments_.text("scenario")
              : arguments_.positionals().empty() ? ""
                                                 : arguments_.positionals().front();
  if (out_.file.empty()) return {};
  Result<scenario::ScenarioFile> part = scenario::load_scenario_part(out_.file);
  if (!part) return part.error();
  out_.scenario = std::move(part->scenario);
  out_.from_file = std::move(part->given);
  out_.lines = std::move(part->lines);
  return {};
}

void Gatherer::apply(const Field& field, const FieldValue& value) {
  values_.emplace_back(&field, value);
  flags_.insert(field.id());
}

template <class T>
void Gatherer::read_many(const Field& field) {
  std::vector<T> all;
  for (const std::string& text : arguments_.all(field.flag)) {
    const Result<FieldValue> value = parse_value(field, text);
    if (!value) {
      faults_.add(flag_error(field.flag, value.error()));
      continue;
    }
    const auto& some = std::get<std::vector<T>>(*value);
    all.insert(all.end(), some.begin(), some.end());
  }
  apply(field, FieldValue(std::move(all)));
}

void Gatherer::read_flags() {
  for (const Field& field : scenario::fields()) {
    if (field.flag.empty() || !arguments_.has(field.flag)) continue;
    if (contains(use_.lists, field.flag)) {
      flags_.insert(field.id());
      continue;
    }
    if (field.kind == scenario::FieldKind::slos) {
      read_many<sim::Slo>(field);
      continue;
    }
    if (field.kind == scenario::FieldKind::texts) {
      read_many<std::string>(field);
      continue;
    }
    const Result<FieldValue> value = parse_value(field, arguments_.text(field.flag));
    if (value) {
      apply(field, *value);
    } else {
      faults_.add(flag_error(field.flag, value.error()));
    }
  }
}

// "FROM:TO", either of which may be left out.
void Gatherer::read_window() {
  if (!arguments_.has("window")) return;
  const std::string text = arguments_.text("window");
  const auto colon = text.find(':');
  if (colon == std::string::npos || text.size() == 1) {
    faults_.add(usage_error(fmt::format("--window: \"{}\" has no start and end", text),
                            "write --window FROM:TO, as in 0:600 or 10min:20min"));
    return;
  }
  const std::pair<std::string_view, std::string> parts[] = {
      {"workload/from", text.substr(0, colon)}, {"workload/to", text.substr(colon + 1)}};
  for (const auto& [id, part] : parts) {
    if (part.empty()) continue;
    const Field& field = *scenario::find_field(id);
    const Result<FieldValue> value = parse_value(field, part);
    if (value) {
      apply(field, *value);
    } else {
      faults_.add(flag_error("window", value.error()));
    }
  }
}

// A setting replaces the file's of the same name; one for a single engine waits for the candidates.
void Gatherer::read_settings() {
  std::vector<scenario::EngineSetting>& all = out_.scenario.deployment.engine_options;
  for (const std::string& text : arguments_.all("set")) {
    Result<scenario::EngineSetting> parsed = scenario::parse_setting(text);
    if (!parsed) {
      faults_.add(flag_error("set", parsed.error()));
      continue;
    }
    AddressedSetting one = address(std::move(*parsed));
    const std::string id = fmt::format("{}/{}", scenario::kEngineOptions, one.setting.name);
    flags_.insert(id);
    if (!one.engine.empty()) {
      addressed_.push_back(std::move(one));
      continue;
    }
    if (out_.from_file.contains(id)) {
      std::erase_if(all,
                    [&](const scenario::EngineSetting& s) { return s.name == one.setting.name; });
      drop(id);
    }
    all.push_back(std::move(one.setting));
  }
}

void Gatherer::drop(std::string_view id) {
  const auto found = out_.from_file.find(id);
  if (found != out_.from_file.end()) out_.from_file.erase(found);
}

void Gatherer::drop_workload() {
  out_.scenario.workload = {};
  std::erase_if(out_.from_file, [](const std::string& id) { return id.starts_with("workload/"); });
}

// What the file says and a flag makes void: another source of requests, the other of two ways.
void Gatherer::drop_replaced() {
  const bool synthetic = std::any_of(flags_.begin(), flags_.end(), is_synthetic);
  const bool recorded = flags_.contains("workload/trace") || flags_.contains("workload/model");
  scenario::WorkloadSpec& workload = out_.scenario.workload;
  if (synthetic && !workload.synthetic) drop_workload();
  if (recorded && workload.synthetic) drop_workload();
  if (recorded) {
    workload.trace.clear();
    workload.model.clear();
    drop("workload/trace");
    drop("workload/model");
  }
  if (flags_.contains("workload/synthetic/requests") && workload.synthetic) {
    workload.synthetic->duration_s = 0;
    drop("workload/synthetic/duration");
  }
  if (flags_.contains("workload/synthetic/duration") && workload.synthetic) {
    workload.synthetic->requests = 0;
    drop("workload/synthetic/requests");
  }
  for (const scenario::EngineOption& option : scenario::engine_options()) {
    const std::string id = fmt::format("{}/{}", scenario::kEngineOptions, option.field.key);
    if (!flags_.contains(option.stands_for) || !out_.from_file.contains(id)) continue;
    std::erase_if(out_.scenario.deployment.engine_options,
                  [&](const scenario::EngineSetting& s) { return s.name == option.field.key; });
    drop(id);
  }
  if (flags_.contains("deployment/kv_blocks")) {
    out_.scenario.deployment.memory_fraction.reset();
    drop("deployment/memory_fraction");
  }
  if (flags_.contains("deployment/memory_fraction")) {
    out_.scenario.deployment.kv_blocks.reset();
    drop("deployment/kv_blocks");
  }
}

void Gatherer::make_candidates() {
  std::vector<scenario::Scenario> all{out_.scenario};
  for (const std::string& flag : use_.lists) {
    if (!arguments_.has(flag)) continue;
    const Field& field = *scenario::find_flag(flag);
    std::vector<scenario::Scenario> next;
    for (const scenario::Scenario& base : all) {
      for (const std::string& text : arguments_.all(flag)) {
        for (std::string_view item : split(text, ',')) {
          const Result<FieldValue> value = parse_value(field, trim(item));
          if (!value) {
            if (&base == &all.front()) faults_.add(flag_error(flag, value.error()));
            continue;
          }
          next.push_back(base);
          field.set(next.back(), *value);
        }
      }
    }
    if (next.empty()) return;
    all = std::move(next);
  }
  for (const scenario::Scenario& one : all) out_.deployments.push_back(one.deployment);
  for (Error& error : deliver(addressed_, out_.deployments)) {
    if (use_.varied)
      out_.idle.push_back(std::move(error));
    else
      faults_.add(std::move(error));
  }
}

std::string Gatherer::spell(std::string_view id) const {
  const auto line = out_.lines.find(id);
  const std::string place =
      line == out_.lines.end() ? out_.file : fmt::format("{}:{}", out_.file, line->second);
  const std::string_view last = id.substr(id.rfind('/') + 1);
  const bool setting = id.starts_with(scenario::kEngineOptions);
  if (id.starts_with("pools/")) return fmt::format("\"{}\" of {}", id, place);
  if (out_.from_file.contains(id)) return fmt::format("\"{}\" of {}", last, place);
  if (setting) return fmt::format("--set {}", last);
  const Field* field = scenario::find_field(id);
  EPH_ASSERT(field != nullptr, "field {}", id);
  return field->flag.empty() ? "--window" : fmt::format("--{}", field->flag);
}

void Gatherer::check_conflicts() {
  CandidateFaults found = check_candidates(
      out_.scenario, out_.given, [this](std::string_view id) { return spell(id); }, use_.varied,
      out_.deployments);
  out_.notes = std::move(found.notes);
  std::string said;  // --window stands for two fields
  for (const Conflict& c : found.conflicts) {
    Error error = usage_error(fmt::format("{}: {}", spell(c.id), c.what), c.remedy);
    if (c.idle && use_.varied)
      out_.idle.push_back(error);
    else if (error.what != said)
      faults_.add(error);
    said = std::move(error.what);
  }
  if (use_.lists.empty()) out_.scenario.deployment = out_.deployments.front();
  for (const Conflict& c : find_unrecorded(out_.scenario, out_.given))
    faults_.add(usage_error(fmt::format("{}: {}", spell(c.id), c.what), c.remedy));
}

void Gatherer::check() {
  const scenario::Spelling spelling = [this](std::string_view id) { return spell(id); };
  check_conflicts();
  if (!faults_.ok()) return;
  // A plan of another fleet than the file's would mislead.
  if (!use_.fleet) {
    for (const std::string& id : out_.from_file)
      if (id == "pools")
        faults_.add(usage_error(
            fmt::format("pools of {}: plan searches the number of one kind of replica", out_.file),
            "leave them out, or vary fields with sweep, whose rows have cost_usd and slos_met"));
      else if (id.starts_with("fleet/") || id.starts_with("disaggregation/"))
        faults_.add(usage_error(
            fmt::format("{}: plan searches the number of replicas that are always there",
                        spell(id)),
            "leave the section out, or vary its fields with sweep, whose rows have cost_usd and "
            "slos_met"));
  }
  for (const Conflict& c : find_missing(out_.scenario, out_.given, spelling)) {
    if (c.id != "deployment/model" || use_.deployment) faults_.add(usage_error(c.what, c.remedy));
  }
}

Result<GatheredScenario> Gatherer::run() {
  if (const Result<void> loaded = load_file(); !loaded) return loaded.error();
  read_flags();
  read_window();
  read_settings();
  drop_replaced();
  for (const auto& [field, value] : values_) field->set(out_.scenario, value);
  for (const std::string& id : flags_) drop(id);
  out_.given = out_.from_file;
  out_.given.insert(flags_.begin(), flags_.end());
  make_candidates();
  if (faults_.ok()) check();
  if (!faults_.ok()) return faults_.combined();
  return std::move(out_);
}

}  // namespace

std::vector<OptionGroup> scenario_options(const FlagUse& use) {
  OptionGroup general{"scenario", {}}, deployment{"deployment", {}}, fleet{"fleet", {}},
      workload{"workload", {}}, synthetic{"synthetic arrivals", {}};
  if (use.file) {
    general.options.push_back(
        {"scenario", "FILE", "scenario file (docs/SCENARIO.md); flags replace what it says"});
  }
  for (const Field& field : scenario::fields()) {
    if (!takes(use, field)) continue;
    OptionGroup& group = field.section.empty()           ? general
                         : field.section == "deployment" ? deployment
                         : field.section == "fleet" || field.section == "disaggregation" ? fleet
                         : field.section == "workload"                                   ? workload
                                                       : synthetic;
    add_option(use, field, group);
    if (field.flag == "chunked-prefill") {
      deployment.options.push_back(
          {"set", "NAME=VALUE",
           "an option of the engine by its own name, as in max_num_batched_tokens=4096; may be "
           "repeated; of several engines those that know it take it, and vllm:max_num_seqs=64 is "
           "for "
           "one alone (docs/SCENARIO.md lists them)",
           true});
    }
    if (field.flag == "rate-mode") {
      workload.options.push_back(
          {"window", "FROM:TO", "use this part, in seconds or with units: 0:600, 10min:20min"});
    }
  }
  std::vector<OptionGroup> out;
  for (OptionGroup* group : {&general, &deployment, &fleet, &workload, &synthetic}) {
    if (!group->options.empty()) out.push_back(std::move(*group));
  }
  return out;
}

Result<GatheredScenario> gather_scenario(const Arguments& arguments, const FlagUse& use) {
  return Gatherer(arguments, use).run();
}

}  // namespace eph::app
