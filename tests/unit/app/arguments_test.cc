#include "app/arguments.h"

#include <catch2/catch.hpp>

using namespace eph;
using namespace eph::app;

namespace {

CommandSpec spec() {
  return {"brew",
          "make a hot drink",
          "[OPTIONS] [CUP]",
          "",
          {"ephemeris brew --leaf assam"},
          {{"drink",
            {{"leaf", "NAME", "which tea"}, {"sugar", "N", "spoons", true}, {"hot", "", "boil"}}}},
          1};
}

std::string error_of(const std::vector<std::string>& words) {
  const auto arguments = parse_arguments(spec(), words);
  REQUIRE_FALSE(arguments);
  CHECK(arguments.error().kind == ErrorKind::usage);
  return arguments.error().text();
}

}  // namespace

TEST_CASE("options are read in both spellings, switches and words too") {
  const auto a =
      parse_arguments(spec(), {"--leaf=assam", "--sugar", "1", "--sugar", "2", "--hot", "mug"});
  REQUIRE(a);
  CHECK(a->text("leaf") == "assam");
  CHECK(a->all("sugar") == std::vector<std::string>{"1", "2"});
  CHECK(a->has("hot"));
  CHECK(a->positionals() == std::vector<std::string>{"mug"});
  CHECK_FALSE(a->has("milk"));
  CHECK(*a->integer("milk", 0, 9, 7) == 7);
}

TEST_CASE("a wrong command line gets one clear error") {
  CHECK(error_of({"--laef", "x"}) == "--laef is not an option of brew; did you mean --leaf?");
  CHECK(error_of({"--zzzzzz"}) == "--zzzzzz is not an option of brew; see ephemeris brew --help");
  CHECK(error_of({"-x"}) == "-x is not an option of brew; see ephemeris brew --help");
  CHECK(error_of({"--leaf"}) == "--leaf needs a value; write --leaf NAME");
  CHECK(error_of({"--leaf="}) == "--leaf needs a value; write --leaf NAME");
  CHECK(error_of({"--leaf", "a", "--leaf", "b"}) == "--leaf is given twice; give it once");
  CHECK(error_of({"--hot=1"}) == "--hot takes no value; leave out what follows the \"=\"");
  CHECK(error_of({"mug", "cup"}) ==
        "\"cup\" is not understood: brew takes 1 word besides options; see ephemeris brew --help");
}

TEST_CASE("an abbreviation is not an option") {
  CHECK(error_of({"--lea", "x"}) == "--lea is not an option of brew; did you mean --leaf?");
}

TEST_CASE("numbers of options are checked") {
  const auto a = parse_arguments(spec(), {"--sugar", "two", "--leaf", "12"});
  REQUIRE(a);
  CHECK(a->integer("sugar", 0, 9, 0).error().text() == "--sugar: \"two\" is not a whole number");
  CHECK(a->integer("leaf", 0, 9, 0).error().text() == "--leaf: 12 is out of range; use 0 to 9");
}

TEST_CASE("help is found wherever it stands and names options and an example") {
  const auto a = parse_arguments(spec(), {"--nonsense", "--help"});
  REQUIRE(a);
  CHECK(a->has("help"));
  const std::string help = help_text(spec());
  CHECK(help.find("--leaf NAME") != std::string::npos);
  CHECK(help.find("spoons (repeatable)") != std::string::npos);
  CHECK(help.find("ephemeris brew --leaf assam") != std::string::npos);
}
