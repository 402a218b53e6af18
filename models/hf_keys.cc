#include "models/hf_keys.h"

#include <fmt/format.h>

#include <utility>

namespace eph::models {

HfKeys::HfKeys(const Json& config, std::string file, Diagnostics& faults)
    : top_(&config), file_(std::move(file)), faults_(&faults) {
  for (std::string_view name : {"text_config", "llm_config", "language_config"}) {
    const Json* inner = config.find(name);
    if (inner == nullptr || !inner->is_object()) continue;
    inner_ = inner;
    inner_name_ = name;
    break;
  }
}

HfKeys::Found HfKeys::locate(Names names) const {
  for (const Json* object : {inner_, top_}) {
    if (object == nullptr) continue;
    for (std::string_view name : names) {
      const Json* value = object->find(name);
      if (value != nullptr && !value->is_null()) return {value, name, object == inner_};
    }
  }
  return {};
}

const Json* HfKeys::find(Names names) const { return locate(names).value; }

void HfKeys::fault(Names names, std::string what, std::string remedy) {
  const Found found = locate(names);
  const Json& owner = inner_ != nullptr ? *inner_ : *top_;
  const Json& at = found.value != nullptr ? *found.value : owner;
  const bool inner = found.value != nullptr ? found.inner : inner_ != nullptr;
  const std::string_view name = found.value != nullptr ? found.name : *names.begin();
  std::string pointer = fmt::format("{}{}/{}", inner ? "/" : "", inner ? inner_name_ : "", name);
  faults_->add(Error{ErrorKind::usage,
                     {file_, at.line(), at.column(), std::move(pointer)},
                     std::move(what),
                     std::move(remedy)});
}

int HfKeys::whole(Names names, const Found& found, int min, int fallback) {
  constexpr std::int64_t kMax = 100'000'000;
  if (found.value->type() != Json::Type::integer) {
    fault(names, fmt::format("expected a whole number, found {}", found.value->type_name()));
    return fallback;
  }
  const std::int64_t value = found.value->as_int();
  if (value < min || value > kMax) {
    fault(names, fmt::format("{} is out of range", value), fmt::format("use {} to {}", min, kMax));
    return fallback;
  }
  return static_cast<int>(value);
}

int HfKeys::required(Names names, int min) {
  const Found found = locate(names);
  if (found.value != nullptr) return whole(names, found, min, min);
  std::string others;
  for (std::string_view name : names)
    if (name != *names.begin()) others += fmt::format("{}{}", others.empty() ? "" : ", ", name);
  fault(names, "required key is missing",
        others.empty() ? std::string() : fmt::format("it is also read as {}", others));
  return min;
}

int HfKeys::optional(Names names, int fallback, int min) {
  const Found found = locate(names);
  return found.value == nullptr ? fallback : whole(names, found, min, fallback);
}

bool HfKeys::flag(Names names, bool fallback) {
  const Json* value = find(names);
  if (value == nullptr) return fallback;
  if (value->type() == Json::Type::boolean) return value->as_bool();
  fault(names, fmt::format("expected true or false, found {}", value->type_name()));
  return fallback;
}

std::string HfKeys::text(Names names, std::string_view fallback) {
  const Json* value = find(names);
  if (value == nullptr) return std::string(fallback);
  if (value->is_string()) return value->as_string();
  fault(names, fmt::format("expected a string, found {}", value->type_name()));
  return std::string(fallback);
}

}  // namespace eph::models
