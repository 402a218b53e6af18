#pragma once
// Quantities that only combine where the physics does: Bytes / BytesPerSecond is Seconds;
// Tokens + Bytes does not compile. Used at the borders of modules; inside a formula plain doubles
// with the unit in the name are fine.
#include <compare>
#include <cstdint>

namespace eph {

template <class Tag, class Rep>
struct Quantity {
  Rep value{};

  friend constexpr auto operator<=>(Quantity, Quantity) = default;
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return {a.value + b.value}; }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return {a.value - b.value}; }
  friend constexpr Quantity operator*(Quantity a, Rep k) { return {a.value * k}; }
  friend constexpr Quantity operator*(Rep k, Quantity a) { return {a.value * k}; }
  [[nodiscard]] constexpr double as_double() const { return static_cast<double>(value); }
};

using Tokens = Quantity<struct TokensTag, std::int64_t>;
using Bytes = Quantity<struct BytesTag, std::int64_t>;
using Seconds = Quantity<struct SecondsTag, double>;
using Flops = Quantity<struct FlopsTag, double>;
using BytesPerSecond = Quantity<struct BytesPerSecondTag, double>;
using FlopsPerSecond = Quantity<struct FlopsPerSecondTag, double>;
using UsdPerHour = Quantity<struct UsdPerHourTag, double>;

constexpr Seconds operator/(Bytes b, BytesPerSecond r) { return {b.as_double() / r.value}; }
constexpr Seconds operator/(Flops f, FlopsPerSecond r) { return {f.value / r.value}; }

}  // namespace eph
