#include "calibration/readers/time_unit.h"

#include <array>

namespace eph::calibration {

std::optional<double> ms_per(std::string_view unit) {
  struct Unit {
    std::string_view word;
    double ms;
  };
  constexpr std::array kUnits{Unit{"ns", 1e-6},    Unit{"us", 1e-3},    Unit{"\xc2\xb5s", 1e-3},
                              Unit{"ms", 1},       Unit{"s", 1e3},      Unit{"sec", 1e3},
                              Unit{"second", 1e3}, Unit{"seconds", 1e3}};
  for (const Unit& known : kUnits) {
    if (unit == known.word) return known.ms;
  }
  return std::nullopt;
}

}  // namespace eph::calibration
