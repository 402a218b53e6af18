#pragma once
// How a value of the field table gets into its place: inside of the tables only.
#include <optional>
#include <type_traits>
#include <utility>

#include "scenario/fields.h"

namespace eph::scenario {

template <class T>
void assign(std::optional<T>& target, const FieldValue& value);

// The value's alternative follows from the field's kind; ranges were checked before.
template <class T>
void assign(T& target, const FieldValue& value) {
  if constexpr (std::is_same_v<T, bool>) {
    target = std::get<bool>(value);
  } else if constexpr (std::is_integral_v<T>) {
    target = static_cast<T>(std::get<std::int64_t>(value));
  } else {
    target = std::get<T>(value);
  }
}
template <class T>
void assign(std::optional<T>& target, const FieldValue& value) {
  T inner{};
  assign(inner, value);
  target = std::move(inner);
}

}  // namespace eph::scenario
