#pragma once
// Units of time as the tools write them.
#include <optional>
#include <string_view>

namespace eph::calibration {

// Milliseconds in one "ns", "us", "ms", "s" (also "sec", "seconds"); nullopt for any other word.
[[nodiscard]] std::optional<double> ms_per(std::string_view unit);

}  // namespace eph::calibration
