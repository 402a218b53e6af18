#include "calibration/readers/fields.h"

#include <fmt/format.h>

#include <cmath>

#include "core/text.h"

namespace eph::calibration {
namespace {

// No count of tokens, requests or GPUs in one run comes near.
constexpr std::int64_t kLargestCount = 1'000'000'000;
constexpr double kLargestExact = 9007199254740992.0;  // 2^53

// The value as a user would find it in the file, cut when long.
std::string shown(const Json& value) {
  std::string text = value.dump(-1);
  constexpr std::size_t kLongest = 40;
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

std::optional<std::int64_t> whole(const Json& value) {
  if (value.type() == Json::Type::integer) return value.as_int();
  if (value.is_string()) return parse_int(value.as_string());
  if (!value.is_number()) return std::nullopt;
  const double number = value.as_double();
  if (!(std::abs(number) < kLargestExact) || number != std::floor(number)) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

}  // namespace

Fields::Fields(const Json& json, const std::string& file, Diagnostics& faults, std::string pointer)
    : json_(&json), file_(&file), faults_(&faults), pointer_(std::move(pointer)) {}

const Json* Fields::raw(std::string_view path) const {
  const Json* value = json_->at_path(path);
  return value == nullptr || value->is_null() ? nullptr : value;
}

void Fields::fault(std::string_view path, std::string what, std::string remedy) {
  const Json* value = json_->at_path(path);
  Error error = row_error(*file_, value == nullptr ? json_->line() : value->line(), std::move(what),
                          std::move(remedy));
  error.place.pointer = fmt::format("{}/{}", pointer_, path);
  faults_->add(std::move(error));
}

void Fields::missing(std::string_view path, std::string_view expected) {
  fault(path, "no such key", fmt::format("the format has {} there", expected));
}

const Json* Fields::typed(std::string_view path, bool right_type(const Json&),
                          std::string_view expected) {
  const Json* value = raw(path);
  if (value == nullptr || right_type(*value)) return value;
  fault(path, fmt::format("{} is {}", shown(*value), value->type_name()),
        fmt::format("the format has {} there", expected));
  return nullptr;
}

std::optional<double> Fields::number(std::string_view path) {
  const Json* value = typed(
      path, [](const Json& v) { return v.is_number(); }, "a number");
  if (value == nullptr || !std::isfinite(value->as_double())) return std::nullopt;
  return value->as_double();
}

std::optional<double> Fields::positive(std::string_view path) {
  const std::optional<double> value = number(path);
  if (!value || *value == 0) return std::nullopt;
  if (*value > 0) return value;
  fault(path, fmt::format("{} is negative", eph::number(*value)),
        "the format has a positive number there");
  return std::nullopt;
}

double Fields::required_positive(std::string_view path) {
  const std::size_t faults = faults_->errors().size();
  const std::optional<double> value = positive(path);
  if (!value && faults_->errors().size() == faults) {
    if (has(path)) {
      fault(path, fmt::format("{} is not above zero", shown(*raw(path))),
            "the run measured nothing");
    } else {
      missing(path, "a positive number");
    }
  }
  return value.value_or(1);
}

std::int64_t Fields::integer(std::string_view path, std::int64_t min, std::int64_t fallback) {
  const Json* value = typed(
      path, [](const Json& v) { return whole(v).has_value(); }, "a whole number");
  if (value == nullptr) return fallback;
  const std::int64_t number = *whole(*value);
  if (number >= min && number <= kLargestCount) return number;
  fault(path, fmt::format("{} is out of range", number),
        fmt::format("it must be in {} to {}", min, kLargestCount));
  return fallback;
}

std::int64_t Fields::required_integer(std::string_view path, std::int64_t min) {
  if (!has(path)) missing(path, "a whole number");
  return integer(path, min, min);
}

std::string Fields::text(std::string_view path) {
  const Json* value = typed(
      path, [](const Json& v) { return v.is_string(); }, "a text");
  return value == nullptr ? "" : value->as_string();
}

bool Fields::flag(std::string_view path) {
  const Json* value = typed(
      path, [](const Json& v) { return v.type() == Json::Type::boolean; }, "true or false");
  return value != nullptr && value->as_bool();
}

std::vector<double> Fields::numbers(std::string_view path) {
  std::vector<double> out;
  const Json* list = typed(
      path, [](const Json& v) { return v.is_array(); }, "a list of numbers");
  if (list == nullptr) return out;
  for (std::size_t i = 0; i < list->items().size(); ++i) {
    const Json& item = list->items()[i];
    if (item.is_number() && std::isfinite(item.as_double())) {
      out.push_back(item.as_double());
      continue;
    }
    fault(fmt::format("{}/{}", path, i), fmt::format("{} is {}", shown(item), item.type_name()),
          "the format has a number there");
    return {};
  }
  return out;
}

std::vector<Fields> Fields::items(std::string_view path) {
  std::vector<Fields> out;
  const Json* list = typed(
      path, [](const Json& v) { return v.is_array(); }, "a list");
  if (list == nullptr) return out;
  for (std::size_t i = 0; i < list->items().size(); ++i) {
    const Json& item = list->items()[i];
    if (!item.is_object()) {
      fault(fmt::format("{}/{}", path, i), fmt::format("{} is {}", shown(item), item.type_name()),
            "the format has an object there");
      return {};
    }
    out.emplace_back(item, *file_, *faults_, fmt::format("{}/{}/{}", pointer_, path, i));
  }
  return out;
}

}  // namespace eph::calibration
