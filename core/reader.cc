#include "core/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/text.h"

namespace eph {

namespace {

const Json kNoObject = Json::object();

// What a fault says it found: the value where it is short, else its type.
std::string describe(const Json& value) {
  if (value.is_string() && value.as_string().size() <= 40) {
    return fmt::format("the string \"{}\"", value.as_string());
  }
  if (value.is_number() || value.type() == Json::Type::boolean) return value.dump(-1);
  return std::string(value.type_name());
}

// "1 to 64", "at least 1" or "at most 64".
template <class T>
std::string range_text(T min, T max, bool has_min, bool has_max) {
  if (!has_min && !has_max) return "a finite number";
  if (has_min && has_max) return fmt::format("{} to {}", min, max);
  return has_min ? fmt::format("at least {}", min) : fmt::format("at most {}", max);
}

// An integer, also when written like 1e6.
std::optional<std::int64_t> whole_number(const Json& value) {
  if (value.type() == Json::Type::integer) return value.as_int();
  constexpr double kExact = 0x1p53;
  if (!value.is_number() || std::abs(value.as_double()) > kExact ||
      value.as_double() != std::floor(value.as_double())) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(value.as_double());
}

}  // namespace

Reader::Reader(const Json& object, std::string file, Diagnostics& faults, std::string pointer)
    : Reader(object, std::make_shared<const std::string>(std::move(file)), faults,
             std::move(pointer)) {}

Reader::Reader(const Json& object, std::shared_ptr<const std::string> file, Diagnostics& faults,
               std::string pointer)
    : object_(&object), file_(std::move(file)), faults_(&faults), pointer_(std::move(pointer)) {
  if (object.is_object()) {
    asked_.resize(object.members().size());
    return;
  }
  fault("", fmt::format("expected an object, found {}", describe(object)), "write { ... }");
  object_ = &kNoObject;
  silent_ = true;
}

std::string Reader::pointer_to(std::string_view key) const {
  if (key.empty()) return pointer_;
  std::string out;
  out.reserve(pointer_.size() + key.size() + 1);
  out = pointer_;
  out += '/';
  for (const char c : key) {  // RFC 6901
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::string Reader::pointer_to(std::string_view key, std::size_t item) const {
  return fmt::format("{}/{}", pointer_to(key), item);
}

SourcePlace Reader::place_of(std::string_view key, const Json* value) const {
  const Json& at = value != nullptr ? *value : *object_;
  return SourcePlace{*file_, at.line(), at.column(), pointer_to(key)};
}

void Reader::fault_at(SourcePlace place, std::string what, std::string remedy) {
  faults_->add(Error{ErrorKind::usage, std::move(place), std::move(what), std::move(remedy)});
}

void Reader::fault(std::string_view key, std::string what, std::string remedy) {
  const Json* value = key.empty() ? nullptr : object_->find(key);
  fault_at(place_of(key, value), std::move(what), std::move(remedy));
}

void Reader::wrong_type(std::string_view key, const Json& value, std::string_view expected) {
  fault_at(place_of(key, &value), fmt::format("expected {}, found {}", expected, describe(value)),
           {});
}

const Json* Reader::take(std::string_view key, bool required, std::string_view example) {
  const std::vector<Json::Member>& members = object_->members();
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (members[i].first != key) continue;
    if (!asked_[i]) ++asked_count_;
    asked_[i] = true;
    return &members[i].second;
  }
  absent_.emplace(key);
  if (required && !silent_) {
    fault_at(place_of(key, nullptr), "required key is missing",
             fmt::format("add it, as in \"{}\": {}", key, example));
  }
  return nullptr;
}

bool Reader::has(std::string_view key) { return raw(key) != nullptr; }

const Json* Reader::raw(std::string_view key) { return take(key, false, ""); }

std::string Reader::string(std::string_view key, std::optional<std::string> fallback) {
  const Json* value = take(key, !fallback, "\"text\"");
  if (value != nullptr && value->is_string()) return value->as_string();
  if (value != nullptr) wrong_type(key, *value, "a string");
  return std::move(fallback).value_or("");
}

bool Reader::boolean(std::string_view key, std::optional<bool> fallback) {
  const Json* value = take(key, !fallback, "true");
  if (value != nullptr && value->type() == Json::Type::boolean) return value->as_bool();
  if (value != nullptr) wrong_type(key, *value, "true or false");
  return fallback.value_or(false);
}

std::int64_t Reader::integer(std::string_view key, IntRange range,
                             std::optional<std::int64_t> fallback) {
  const Json* value = take(key, !fallback, "1");
  if (value == nullptr) return fallback.value_or(0);
  const auto whole = whole_number(*value);
  if (!whole) {
    wrong_type(key, *value, "a whole number");
  } else if (*whole < range.min || *whole > range.max) {
    fault_at(place_of(key, value), fmt::format("{} is out of range", *whole),
             fmt::format("use {}", range_text(range.min, range.max, range.min != IntRange{}.min,
                                              range.max != IntRange{}.max)));
  } else {
    return *whole;
  }
  return fallback.value_or(0);
}

double Reader::number(std::string_view key, Range range, std::optional<double> fallback) {
  const Json* value = take(key, !fallback, "1.5");
  if (value == nullptr) return fallback.value_or(0);
  if (!value->is_number()) {
    wrong_type(key, *value, "a number");
    return fallback.value_or(0);
  }
  const double found = value->as_double();
  if (std::isfinite(found) && found >= range.min && found <= range.max) return found;
  fault_at(place_of(key, value), fmt::format("{} is out of range", eph::number(found)),
           fmt::format("use {}", range_text(range.min, range.max, std::isfinite(range.min),
                                            std::isfinite(range.max))));
  return fallback.value_or(0);
}

template <class T>
T Reader::quantity(std::string_view key, std::optional<T> fallback,
                   Result<T> (*parse)(std::string_view), std::string_view example) {
  const std::string quoted = fmt::format("\"{}\"", example);
  const Json* value = take(key, !fallback, quoted);
  if (value == nullptr) return fallback.value_or(T{});
  if (value->is_number()) {
    fault_at(place_of(key, value), fmt::format("{} has no unit", value->dump(-1)),
             fmt::format("write a string with a unit, as in {}", quoted));
  } else if (!value->is_string()) {
    wrong_type(key, *value, fmt::format("a string with a unit such as {}", quoted));
  } else if (const Result<T> parsed = parse(value->as_string()); parsed) {
    return *parsed;
  } else {
    fault_at(place_of(key, value), parsed.error().what, parsed.error().remedy);
  }
  return fallback.value_or(T{});
}

Seconds Reader::seconds(std::string_view key, std::optional<Seconds> fallback) {
  return quantity<Seconds>(key, fallback, parse_seconds, "500 ms");
}

Bytes Reader::bytes(std::string_view key, std::optional<Bytes> fallback) {
  return quantity<Bytes>(key, fallback, parse_bytes, "80 GiB");
}

BytesPerSecond Reader::bandwidth(std::string_view key, std::optional<BytesPerSecond> fallback) {
  return quantity<BytesPerSecond>(key, fallback, parse_bandwidth, "3.35 TB/s");
}

FlopsPerSecond Reader::flops(std::string_view key, std::optional<FlopsPerSecond> fallback) {
  return quantity<FlopsPerSecond>(key, fallback, parse_flops, "989 TFLOPS");
}

UsdPerHour Reader::usd_per_hour(std::string_view key, std::optional<UsdPerHour> fallback) {
  return quantity<UsdPerHour>(key, fallback, parse_usd_per_hour, "2.50 USD/h");
}

std::size_t Reader::choice(std::string_view key, std::initializer_list<std::string_view> names,
                           std::optional<std::size_t> fallback) {
  const std::string example = fmt::format("\"{}\"", *names.begin());
  const Json* value = take(key, !fallback, example);
  if (value == nullptr) return fallback.value_or(0);
  if (!value->is_string()) {
    wrong_type(key, *value, "a string");
    return fallback.value_or(0);
  }
  const auto found = std::find(names.begin(), names.end(), value->as_string());
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const std::vector<std::string> candidates(names.begin(), names.end());
  fault_at(place_of(key, value), fmt::format("\"{}\" is not known", value->as_string()),
           suggest(value->as_string(), candidates));
  return fallback.value_or(0);
}

template <class ReadItem>
void Reader::each_item(std::string_view key, bool required, std::string_view example,
                       ReadItem read) {
  const Json* value = take(key, required, example);
  if (value == nullptr) return;
  if (!value->is_array()) {
    wrong_type(key, *value, "an array");
    return;
  }
  for (std::size_t i = 0; i < value->items().size(); ++i) read(value->items()[i], i);
}

std::vector<double> Reader::numbers(std::string_view key, bool required) {
  std::vector<double> out;
  each_item(key, required, "[1, 2]", [&](const Json& item, std::size_t i) {
    if (item.is_number()) {
      out.push_back(item.as_double());
      return;
    }
    fault_at({*file_, item.line(), item.column(), pointer_to(key, i)},
             fmt::format("expected a number, found {}", describe(item)), {});
  });
  return out;
}

std::vector<std::string> Reader::strings(std::string_view key, bool required) {
  std::vector<std::string> out;
  each_item(key, required, "[\"text\"]", [&](const Json& item, std::size_t i) {
    if (item.is_string()) {
      out.push_back(item.as_string());
      return;
    }
    fault_at({*file_, item.line(), item.column(), pointer_to(key, i)},
             fmt::format("expected a string, found {}", describe(item)), {});
  });
  return out;
}

Reader Reader::object(std::string_view key, bool required) {
  const Json* value = take(key, required, "{ ... }");
  Reader inner(value != nullptr ? *value : kNoObject, file_, *faults_, pointer_to(key));
  if (value == nullptr) inner.silent_ = true;
  return inner;
}

std::vector<Reader> Reader::objects(std::string_view key, bool required) {
  std::vector<Reader> out;
  each_item(key, required, "[{ ... }]", [&](const Json& item, std::size_t i) {
    out.push_back(Reader(item, file_, *faults_, pointer_to(key, i)));
  });
  return out;
}

void Reader::finish() {
  const std::vector<Json::Member>& members = object_->members();
  if (asked_count_ == members.size()) return;
  std::map<std::string_view, std::int64_t> first_lines;
  std::set<std::string, std::less<>> asked = absent_;
  for (std::size_t i = 0; i < members.size(); ++i)
    if (asked_[i]) asked.insert(members[i].first);
  // A likely typo stands for a key that is not there; only without such are all keys named.
  const std::vector<std::string> absent(absent_.begin(), absent_.end());
  const std::vector<std::string> known(asked.begin(), asked.end());
  for (const auto& [name, value] : members) {
    const auto [first, is_new] = first_lines.emplace(name, value.line());
    if (!is_new) {
      fault_at(place_of(name, &value), "duplicate key",
               fmt::format("remove it or the one in line {}", first->second));
    } else if (!asked.contains(name)) {
      fault_at(place_of(name, &value), "unknown key",
               suggest(name, did_you_mean(name, absent) ? absent : known));
    }
  }
}

}  // namespace eph
