#include <catch2/catch.hpp>

#include "tests/hygiene/samples.h"

namespace eph::hygiene {
namespace {

TEST_CASE("comments and literals are blanked, code and line ends stay") {
  REQUIRE(code_only("a; // b\nc;") == "a;     \nc;");
  REQUIRE(code_only("a /* b\nb */ c") == "a     \n     c");
  REQUIRE(code_only(R"(f("x // y", 'z');)") == R"(f("      ", ' ');)");
  REQUIRE(code_only(R"(f("\"x");)") == R"(f("   ");)");
  REQUIRE(code_only("n = 1'000'000; g();") == "n = 1'000'000; g();");
  REQUIRE(code_only("R\"q(a \" )b)q\" c") == "R\"          \" c");
}

TEST_CASE("includes are read with their lines, commented ones are not") {
  const auto includes = includes_of(sample(
      "core/a.h", "#pragma once\n// #include <no>\n#include <vector>\n#include \"core/b.h\"\n"));
  REQUIRE(includes.size() == 2);
  REQUIRE(includes[0].line == 3);
  REQUIRE(includes[0].target == "vector");
  REQUIRE_FALSE(includes[0].quoted);
  REQUIRE(includes[1].target == "core/b.h");
  REQUIRE(includes[1].quoted);
}

TEST_CASE("a folder holds its files and no namesakes") {
  REQUIRE(sample("core/a.h", "").under("core"));
  REQUIRE_FALSE(sample("core2/a.h", "").under("core"));
  REQUIRE_FALSE(sample("core", "").under("core"));
  REQUIRE(sample("tests/unit/a.cc", "").folder() == "tests/unit");
  REQUIRE(sample("a.cc", "").folder().empty());
}

}  // namespace
}  // namespace eph::hygiene
