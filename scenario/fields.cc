#include "scenario/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/text.h"
#include "scenario/fault_texts.h"

namespace eph::scenario {

namespace {

std::string range_text(const Field& field) {
  const bool has_max = std::isfinite(field.max);
  if (field.above_min) {
    return has_max ? fmt::format("above {} and at most {}", field.min, field.max)
                   : fmt::format("above {}", field.min);
  }
  if (!std::isfinite(field.min)) return fmt::format("at most {}", field.max);
  return has_max ? fmt::format("{} to {}", field.min, field.max)
                 : fmt::format("at least {}", field.min);
}

Result<FieldValue> check_range(const Field& field, double value, FieldValue result,
                               std::string_view text) {
  const bool low = field.above_min ? value <= field.min : value < field.min;
  if (!low && value <= field.max) return result;
  return usage_error(fmt::format("{} is out of range", text),
                     fmt::format("use {}", range_text(field)));
}

Result<FieldValue> check_choice(const Field& field, const std::string& text) {
  if (std::find(field.choices.begin(), field.choices.end(), text) != field.choices.end()) {
    return FieldValue(text);
  }
  const std::vector<std::string> names(field.choices.begin(), field.choices.end());
  return usage_error(fmt::format("\"{}\" is not known", text), suggest(text, names));
}

Result<FieldValue> duration_value(const Field& field, std::string_view text) {
  const Result<Seconds> seconds = parse_seconds(text);
  if (!seconds) return seconds.error();
  return check_range(field, seconds->value, FieldValue(seconds->value), text);
}

Result<FieldValue> boolean_value(std::string_view text) {
  if (text == "on" || text == "true") return FieldValue(true);
  if (text == "off" || text == "false") return FieldValue(false);
  return usage_error(fmt::format("\"{}\" is neither on nor off", text), "write on or off");
}

Result<FieldValue> slo_value(std::string_view text) {
  Result<std::vector<sim::Slo>> slos = sim::parse_slos(text);
  if (!slos) return slos.error();
  return FieldValue(std::move(*slos));
}

// The slo key takes one string or an array of them.
Result<FieldValue> read_slos(const Json& json) {
  if (json.is_string()) return slo_value(json.as_string());
  if (!json.is_array()) {
    return usage_error(fmt::format("expected objectives as strings, found {}", json.type_name()),
                       "write [\"p95_ttft=500ms\"]");
  }
  std::vector<sim::Slo> all;
  for (const Json& item : json.items()) {
    if (!item.is_string()) {
      return usage_error(fmt::format("expected a string, found {}", item.type_name()),
                         "write \"p95_ttft=500ms\"");
    }
    Result<std::vector<sim::Slo>> some = sim::parse_slos(item.as_string());
    if (!some) return some.error();
    all.insert(all.end(), some->begin(), some->end());
  }
  return FieldValue(std::move(all));
}

Error wrong_type(std::string_view expected, const Json& json) {
  const std::string found = json.is_number() || json.type() == Json::Type::boolean
                                ? json.dump(-1)
                                : std::string(json.type_name());
  return usage_error(fmt::format("expected {}, found {}", expected, found));
}

// A string, or an array of them.
Result<FieldValue> read_texts(const Field& field, const Json& json) {
  if (json.is_string()) return FieldValue(std::vector<std::string>{json.as_string()});
  if (!json.is_array()) {
    Error error = wrong_type("strings", json);
    error.remedy = fmt::format("write [\"{}\"]", field.argument);
    return error;
  }
  std::vector<std::string> all;
  for (const Json& item : json.items()) {
    if (!item.is_string()) return wrong_type("a string", item);
    all.push_back(item.as_string());
  }
  return FieldValue(std::move(all));
}

}  // namespace

std::string Field::id() const {
  return section.empty() ? std::string(key) : fmt::format("{}/{}", section, key);
}

const Field* find_field(std::string_view id) {
  for (const Field& field : fields()) {
    if (field.id() == id) return &field;
  }
  return nullptr;
}

const Field* find_flag(std::string_view flag) {
  for (const Field& field : fields()) {
    if (!flag.empty() && field.flag == flag) return &field;
  }
  return nullptr;
}

Result<FieldValue> parse_value(const Field& field, std::string_view text) {
  switch (field.kind) {
    case FieldKind::text:
      if (text.empty()) return usage_error("is empty", fmt::format("give {}", field.argument));
      return FieldValue(std::string(text));
    case FieldKind::choice:
      return check_choice(field, std::string(text));
    case FieldKind::integer: {
      const auto value = parse_int(text);
      if (!value) return usage_error(fmt::format("\"{}\" is not a whole number", text));
      return check_range(field, static_cast<double>(*value), FieldValue(*value), text);
    }
    case FieldKind::number: {
      const auto value = parse_double(text);
      if (!value) return usage_error(fmt::format("\"{}\" is not a number", text));
      return check_range(field, *value, FieldValue(*value), text);
    }
    case FieldKind::boolean:
      return boolean_value(text);
    case FieldKind::duration: {
      const auto bare = parse_double(text);
      if (bare && *bare > 0 && (field.section == "fleet" || field.section == "disaggregation"))
        return usage_error(fmt::format("\"{}\" has no unit", text),
                           fmt::format("write \"{0} s\", \"{0} min\" or \"{0} h\"", text));
      if (bare) return check_range(field, *bare, FieldValue(*bare), text);
      return duration_value(field, text);
    }
    case FieldKind::slos:
      return slo_value(text);
    case FieldKind::texts:
      if (text.empty()) return usage_error("is empty", fmt::format("give {}", field.argument));
      return FieldValue(std::vector<std::string>{std::string(text)});
    case FieldKind::spread: {
      const Result<sim::Spread> spread = parse_spread(text);
      if (!spread) return spread.error();
      return FieldValue(*spread);
    }
  }
  EPH_ASSERT(false, "field kind {}", static_cast<int>(field.kind));
}

Result<FieldValue> read_value(const Field& field, const Json& json) {
  switch (field.kind) {
    case FieldKind::text:
    case FieldKind::choice:
      if (!json.is_string()) return wrong_type("a string", json);
      return parse_value(field, json.as_string());
    case FieldKind::integer: {
      const bool whole = json.is_number() && std::abs(json.as_double()) < 0x1p53 &&
                         json.as_double() == std::floor(json.as_double());
      if (!whole) return wrong_type("a whole number", json);
      const auto value = static_cast<std::int64_t>(json.as_double());
      return check_range(field, json.as_double(), FieldValue(value), json.dump(-1));
    }
    case FieldKind::number:
      if (!json.is_number()) return wrong_type("a number", json);
      return check_range(field, json.as_double(), FieldValue(json.as_double()), json.dump(-1));
    case FieldKind::boolean:
      if (json.type() != Json::Type::boolean) return wrong_type("true or false", json);
      return FieldValue(json.as_bool());
    case FieldKind::duration:
      if (json.is_number()) {
        return usage_error(fmt::format("{} has no unit", json.dump(-1)),
                           "write a string with a unit, as in \"600 s\"");
      }
      if (!json.is_string()) return wrong_type("a string with a unit such as \"600 s\"", json);
      return duration_value(field, json.as_string());
    case FieldKind::slos:
      return read_slos(json);
    case FieldKind::texts:
      return read_texts(field, json);
    case FieldKind::spread:
      if (!json.is_string())
        return wrong_type("a string such as \"30 s\" or \"30 s / 60 s\"", json);
      return parse_value(field, json.as_string());
  }
  EPH_ASSERT(false, "field kind {}", static_cast<int>(field.kind));
}

}  // namespace eph::scenario
