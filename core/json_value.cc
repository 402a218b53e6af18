#include <algorithm>

#include "core/assert.h"
#include "core/json_doc.h"
#include "core/text.h"

namespace eph {

Json Json::boolean(bool value) {
  Json json;
  json.value_.emplace<bool>(value);
  return json;
}

Json Json::integer(std::int64_t value) {
  Json json;
  json.value_.emplace<std::int64_t>(value);
  return json;
}

Json Json::number(double value) {
  Json json;
  json.value_.emplace<double>(value);
  return json;
}

Json Json::string(std::string value) {
  Json json;
  json.value_.emplace<std::string>(std::move(value));
  return json;
}

Json Json::array() {
  Json json;
  json.value_.emplace<std::vector<Json>>();
  return json;
}

Json Json::object() {
  Json json;
  json.value_.emplace<std::vector<Member>>();
  return json;
}

std::string_view Json::type_name() const {
  switch (type()) {
    case Type::null:
      return "null";
    case Type::boolean:
      return "a boolean";
    case Type::integer:
      return "an integer";
    case Type::number:
      return "a number";
    case Type::string:
      return "a string";
    case Type::array:
      return "an array";
    case Type::object:
      return "an object";
  }
  EPH_ASSERT(false, "type {}", static_cast<int>(type()));
}

bool Json::as_bool() const {
  EPH_ASSERT(type() == Type::boolean, "as_bool of {}", type_name());
  return std::get<bool>(value_);
}

std::int64_t Json::as_int() const {
  EPH_ASSERT(type() == Type::integer, "as_int of {}", type_name());
  return std::get<std::int64_t>(value_);
}

double Json::as_double() const {
  EPH_ASSERT(is_number(), "as_double of {}", type_name());
  const auto* whole = std::get_if<std::int64_t>(&value_);
  return whole != nullptr ? static_cast<double>(*whole) : std::get<double>(value_);
}

const std::string& Json::as_string() const {
  EPH_ASSERT(is_string(), "as_string of {}", type_name());
  return std::get<std::string>(value_);
}

const std::vector<Json>& Json::items() const {
  EPH_ASSERT(is_array(), "items of {}", type_name());
  return std::get<std::vector<Json>>(value_);
}

const std::vector<Json::Member>& Json::members() const {
  EPH_ASSERT(is_object(), "members of {}", type_name());
  return std::get<std::vector<Member>>(value_);
}

const Json* Json::find(std::string_view key) const {
  const auto* members = std::get_if<std::vector<Member>>(&value_);
  if (members == nullptr) return nullptr;
  for (const Member& member : *members) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

const Json* Json::at_path(std::string_view path) const {
  const Json* at = this;
  for (std::string_view step : split(path, '/')) {
    if (at->is_array()) {
      const auto position = parse_int(step);
      const bool inside =
          position && *position >= 0 && static_cast<std::uint64_t>(*position) < at->items().size();
      at = inside ? &at->items()[static_cast<std::size_t>(*position)] : nullptr;
    } else {
      at = at->find(step);
    }
    if (at == nullptr) return nullptr;
  }
  return at;
}

Json& Json::push(Json item) {
  EPH_ASSERT(is_array(), "push to {}", type_name());
  std::get<std::vector<Json>>(value_).push_back(std::move(item));
  return *this;
}

Json& Json::set(std::string key, Json value) {
  EPH_ASSERT(is_object(), "set in {}", type_name());
  auto& members = std::get<std::vector<Member>>(value_);
  const auto same = std::find_if(members.begin(), members.end(),
                                 [&](const Member& member) { return member.first == key; });
  if (same != members.end()) {
    same->second = std::move(value);
  } else {
    members.emplace_back(std::move(key), std::move(value));
  }
  return *this;
}

}  // namespace eph
