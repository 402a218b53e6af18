#include "scenario/engine_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/text.h"

namespace eph::scenario {

namespace {

const EngineOption* find(models::EngineKind engine, std::string_view name) {
  for (const EngineOption& option : engine_options()) {
    if (option.engine == engine && option.field.key == name) return &option;
  }
  return nullptr;
}

// Engines write words of names with either; SGLang's constants are in capitals.
std::string normal(std::string_view name) {
  std::string out(name);
  while (out.starts_with('-')) out.erase(out.begin());
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

Error unknown(models::EngineKind engine, const EngineSetting& setting) {
  std::vector<std::string> names;
  std::string others;
  for (const EngineOption& option : engine_options()) {
    if (option.engine == engine) names.emplace_back(option.field.key);
    if (option.engine != engine && option.field.key == setting.name) {
      others += fmt::format("{}{}", others.empty() ? "" : " and ", models::display(option.engine));
    }
  }
  if (!others.empty()) {
    return usage_error(fmt::format("{} is an option of {}, the deployment runs {}", setting.name,
                                   others, models::display(engine)),
                       "leave it out, or see docs/SCENARIO.md for this engine's own");
  }
  if (const EngineOption* same = find(engine, normal(setting.name)); same != nullptr) {
    return usage_error(
        fmt::format("{} is not an option of {}", setting.name, models::display(engine)),
        fmt::format("write {}", same->field.key));
  }
  return usage_error(
      fmt::format("{} is not an option of {}", setting.name, models::display(engine)),
      suggest(setting.name, names));
}

Error in(const EngineSetting& setting, const Error& error) {
  return Error{error.kind, {}, fmt::format("{}: {}", setting.name, error.what), error.remedy};
}

std::string refusal_remedy(const EngineOption& option) {
  if (option.stands_for.empty()) return "leave it out";
  const Field* field = find_field(option.stands_for);
  EPH_ASSERT(field != nullptr, "field {}", option.stands_for);
  return fmt::format("use --{}, or \"{}\" in a file", field->flag, field->key);
}

struct Understood {
  const EngineOption* option = nullptr;
  FieldValue value;
};

Result<Understood> understand(models::EngineKind engine, const EngineSetting& setting) {
  const EngineOption* option = find(engine, setting.name);
  if (option == nullptr) return unknown(engine, setting);
  if (option->put == nullptr) {
    return usage_error(fmt::format("{} of {} is not simulated: {}", setting.name,
                                   models::display(engine), option->refusal),
                       refusal_remedy(*option));
  }
  for (const auto& [value, reason] : option->refused_values) {
    if (setting.value == value)
      return usage_error(fmt::format("{}={} of {} is not simulated: {}", setting.name,
                                     setting.value, models::display(engine), reason),
                         fmt::format("use {}", fmt::join(option->field.choices, " or ")));
  }
  Result<FieldValue> value = parse_value(option->field, setting.value);
  if (!value) return in(setting, value.error());
  return Understood{option, std::move(*value)};
}

}  // namespace

Result<void> check_setting(const DeploymentSpec& spec, const EngineSetting& setting) {
  const auto engine = models::parse_engine(spec.engine);
  if (!engine) return {};  // said elsewhere
  const Result<Understood> understood = understand(*engine, setting);
  if (!understood) return understood.error();
  return {};
}

Result<bool> put_setting(models::EngineKind engine, const EngineSetting& setting,
                         DeploymentSpec& spec) {
  const Result<Understood> understood = understand(engine, setting);
  if (!understood) return understood.error();
  return understood->option->put(spec, understood->value);
}

Result<DeploymentSpec> with_engine_options(DeploymentSpec spec) {
  const auto engine = models::parse_engine(spec.engine);
  if (!engine) return spec;
  for (const EngineSetting& setting : spec.engine_options) {
    const Result<Understood> understood = understand(*engine, setting);
    if (!understood) return understood.error();
    if (understood->option->put(spec, understood->value)) continue;
    const std::string_view other = understood->option->stands_for;
    const Field* field = find_field(other);
    return usage_error(
        fmt::format("{}={} contradicts {}", setting.name, setting.value,
                    field == nullptr ? std::string("an option given before")
                                     : fmt::format("--{} or another option", field->flag)),
        "give one value");
  }
  const EngineTuning& t = spec.tuning;
  const int sizes = spec.kv_blocks.has_value() + spec.memory_fraction.has_value() +
                    t.kv_tokens.has_value() + t.context_tokens.has_value();
  if (!spec.engine_options.empty() && sizes > 1) {
    return usage_error("the size of the KV cache is given in more than one way",
                       "give blocks, tokens or a share of memory");
  }
  if (!spec.engine_options.empty() && spec.schedule_policy == "lpm" &&
      !spec.prefix_caching.value_or(true)) {
    return usage_error("the policy lpm has no effect without prefix caching",
                       "turn it on, or choose fcfs");
  }
  return spec;
}

Result<EngineSetting> parse_setting(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return usage_error(fmt::format("\"{}\" is no setting", text), "write name=value");
  return EngineSetting{std::string(trim(text.substr(0, equals))),
                       std::string(trim(text.substr(equals + 1)))};
}

}  // namespace eph::scenario
