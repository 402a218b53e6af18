#include "core/version.h"

#include <algorithm>
#include <catch2/catch.hpp>

TEST_CASE("the build knows its version, commit and type") {
  CHECK(std::count(eph::version().begin(), eph::version().end(), '.') == 2);  // major.minor.patch
  const bool twelve_hex =
      eph::commit().size() == 12 &&
      eph::commit().find_first_not_of("0123456789abcdef") == std::string_view::npos;
  CHECK((twelve_hex || eph::commit() == "unknown"));
  CHECK_FALSE(eph::build_type().empty());
}
