#pragma once
// Which sources and build made a result.
#include <string_view>

namespace eph {

[[nodiscard]] std::string_view version();     // "0.1.0"
[[nodiscard]] std::string_view commit();      // 12 hex digits, or "unknown" outside a git checkout
[[nodiscard]] std::string_view build_type();  // CMake's build type

}  // namespace eph
