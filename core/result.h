#pragma once
// Result<T>: a value or an Error; names as in std::expected so that it can be swapped later.
#include <optional>
#include <utility>
#include <variant>

#include "core/assert.h"
#include "core/error.h"

namespace eph {

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // Requires has_value().
  [[nodiscard]] T& value() & { return check(), std::get<0>(state_); }
  [[nodiscard]] const T& value() const& { return check(), std::get<0>(state_); }
  [[nodiscard]] T&& value() && { return check(), std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Requires !has_value().
  [[nodiscard]] const Error& error() const {
    EPH_ASSERT(!has_value(), "error() of a result that holds a value");
    return std::get<1>(state_);
  }

 private:
  void check() const { EPH_ASSERT(has_value(), "value() of an error: {}", error().text()); }
  std::variant<T, Error> state_;
};

// Success without a value.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT

  [[nodiscard]] bool has_value() const { return !error_; }
  explicit operator bool() const { return has_value(); }
  [[nodiscard]] const Error& error() const {
    EPH_ASSERT(error_.has_value(), "error() of a success");
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace eph
