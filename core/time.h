#pragma once
// Simulated time in integer nanoseconds: instants and durations are different types.
#include <cmath>
#include <compare>
#include <cstdint>
#include <limits>

#include "core/assert.h"

namespace eph {

// A length of simulated time. Model code works in double seconds; `from_seconds` is the only place
// where they are rounded (half away from zero), so that equal inputs give equal nanoseconds.
struct Duration {
  std::int64_t ns = 0;

  static Duration from_seconds(double seconds) {
    EPH_ASSERT(std::isfinite(seconds) && std::abs(seconds) < 9.2e9, "duration of {} s", seconds);
    // std::llround without its call; the difference is exact.
    const double ns = seconds * 1e9;
    const auto whole = static_cast<std::int64_t>(ns);
    const double rest = ns - static_cast<double>(whole);
    return Duration{whole + (rest >= 0.5 ? 1 : 0) - (rest <= -0.5 ? 1 : 0)};
  }
  static constexpr Duration zero() { return Duration{0}; }
  static constexpr Duration max() { return Duration{std::numeric_limits<std::int64_t>::max()}; }

  [[nodiscard]] constexpr double seconds() const { return static_cast<double>(ns) / 1e9; }
  [[nodiscard]] constexpr double ms() const { return static_cast<double>(ns) / 1e6; }

  friend constexpr auto operator<=>(Duration, Duration) = default;
  friend constexpr Duration operator+(Duration a, Duration b) { return {a.ns + b.ns}; }
  friend constexpr Duration operator-(Duration a, Duration b) { return {a.ns - b.ns}; }
  friend constexpr Duration operator*(Duration a, std::int64_t k) { return {a.ns * k}; }
  Duration& operator+=(Duration other) {
    ns += other.ns;
    return *this;
  }
};

// An instant, counted from the start of the run.
struct SimTime {
  std::int64_t ns = 0;

  static constexpr SimTime zero() { return SimTime{0}; }
  static constexpr SimTime never() { return SimTime{std::numeric_limits<std::int64_t>::max()}; }
  static SimTime from_seconds(double seconds) {
    return SimTime{Duration::from_seconds(seconds).ns};
  }

  [[nodiscard]] constexpr double seconds() const { return static_cast<double>(ns) / 1e9; }

  friend constexpr auto operator<=>(SimTime, SimTime) = default;
  friend constexpr Duration operator-(SimTime a, SimTime b) { return {a.ns - b.ns}; }
  friend constexpr SimTime operator+(SimTime t, Duration d) { return {t.ns + d.ns}; }
  friend constexpr SimTime operator-(SimTime t, Duration d) { return {t.ns - d.ns}; }
};

}  // namespace eph
