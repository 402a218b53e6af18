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

// "vLLM and SGLang", empty for none.
std::string owners_of(std::string_view name) {
  std::string out;
  for (const EngineOption& option : engine_options()) {
    if (option.field.key != name) continue;
    out += fmt::format("{}{}", out.empty() ? "" : " and ", models::display(option.engine));
  }
  return out;
}

// The engine has no such option.
Error unknown(models::EngineKind engine, const EngineSetting& setting) {
  std::vector<std::string> names;
  for (const EngineOption& option : engine_options())
    if (option.engine == engine) names.emplace_back(option.field.key);
  const std::string others = owners_of(setting.name);
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
  if (error.what.starts_with(setting.name)) return error;
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
  if (!value) return value.error();
  return Understood{option, std::move(*value)};
}

// Ways in which the size of the KV cache is given: blocks, tokens or a share of memory.
int cache_sizes(const DeploymentSpec& spec) {
  return spec.kv_blocks.has_value() + spec.memory_fraction.has_value() +
         spec.tuning.kv_tokens.has_value() + spec.tuning.context_tokens.has_value();
}

std::string size_field(const DeploymentSpec& spec) {
  return spec.kv_blocks         ? "deployment/kv_blocks"
         : spec.memory_fraction ? "deployment/memory_fraction"
                                : "";
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
  if (!understood) return in(setting, understood.error());
  return understood->option->put(spec, understood->value);
}

bool is_foreign(const DeploymentSpec& spec, const EngineSetting& setting) {
  const auto engine = models::parse_engine(spec.engine);
  return engine && find(*engine, setting.name) == nullptr;
}

Error taken_by_none(const std::vector<std::string>& engines, const std::string& name) {
  std::vector<std::string> names, shown;
  for (const std::string& text : engines) {
    const auto engine = models::parse_engine(text);
    if (!engine) continue;
    shown.emplace_back(models::display(*engine));
    for (const EngineOption& option : engine_options())
      if (option.engine == *engine) names.emplace_back(option.field.key);
  }
  const std::string what =
      fmt::format("{} is an option of none of {}", name, fmt::join(shown, ", "));
  const std::string owners = owners_of(name);
  if (owners.empty()) return usage_error(what, suggest(name, names));
  return usage_error(fmt::format("{}, but of {}", what, owners), "leave it out");
}

ResolvedSettings resolve_settings(const DeploymentSpec& spec) {
  ResolvedSettings out{spec, {}};
  const auto engine = models::parse_engine(spec.engine);
  if (!engine) return out;
  std::vector<std::optional<Understood>> understood;
  for (std::size_t i = 0; i < spec.engine_options.size(); ++i) {
    const auto one = understand(*engine, spec.engine_options[i]);
    understood.push_back(one ? std::optional(*one) : std::nullopt);
    if (!one) continue;
    const int sizes = cache_sizes(out.spec);
    const bool put = one->option->put(out.spec, one->value);
    const bool another_size = sizes > 0 && cache_sizes(out.spec) > sizes;
    if (put && !another_size) continue;
    Contradiction fault{i, std::string(one->option->stands_for), std::nullopt, another_size};
    if (another_size) fault.field = size_field(spec);
    // One of the settings before, unless it takes what the deployment says itself.
    for (std::size_t j = 0; j < i; ++j) {
      if (!understood[j]) continue;
      DeploymentSpec alone;
      const bool first = understood[j]->option->put(alone, understood[j]->value);
      const bool same = first && one->option->put(alone, one->value);
      if (same && cache_sizes(alone) < 2) continue;
      fault.field.clear();
      fault.other = j;
    }
    out.contradictions.push_back(std::move(fault));
  }
  return out;
}

Result<DeploymentSpec> with_engine_options(const DeploymentSpec& spec) {
  for (const EngineSetting& setting : spec.engine_options)
    if (const Result<void> ok = check_setting(spec, setting); !ok) return in(setting, ok.error());
  ResolvedSettings resolved = resolve_settings(spec);
  if (resolved.contradictions.empty()) return std::move(resolved.spec);
  const Contradiction& first = resolved.contradictions.front();
  const EngineSetting& setting = spec.engine_options[first.setting];
  const Field* field = find_field(first.field);
  return usage_error(fmt::format("{}={} contradicts {}", setting.name, setting.value,
                                 first.other        ? spec.engine_options[*first.other].name
                                 : field == nullptr ? std::string("the deployment")
                                                    : fmt::format("--{}", field->flag)),
                     first.sizes ? "give the size of the KV cache in one way" : "give one value");
}

Result<EngineSetting> parse_setting(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return usage_error(fmt::format("\"{}\" is no setting", text), "write name=value");
  return EngineSetting{std::string(trim(text.substr(0, equals))),
                       std::string(trim(text.substr(equals + 1)))};
}

}  // namespace eph::scenario
