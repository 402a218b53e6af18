#include <catch2/catch.hpp>

#include "tests/hygiene/samples.h"

namespace eph::hygiene {
namespace {

TEST_CASE("each banned call is found and its replacement named") {
  struct Case {
    std::string path, line, replacement;
  };
  const Case bad = GENERATE(values<Case>({
      {"core/a.cc", "int x = rand();", "Stream"},
      {"core/a.cc", "int x = std::rand ();", "Stream"},
      {"tests/a.cc", "std::mt19937_64 generator(7);", "Stream"},
      {"sim/a.cc", "std::random_device device;", "Stream"},
      {"workload/a.cc", "std::poisson_distribution<int> d(3.0);", "core/distributions.h"},
      {"models/a.cc", "std::printf(format, x);", "only app prints"},
      {"models/a.cc", "std::cout << x;", "only app prints"},
      {"planner/a.cc", "fmt::print(format);", "only app prints"},
      {"app/a.cc", "std::snprintf(buffer, 3, format);", "fmt::format"},
      {"app/a.cc", "#include <iostream>", "fmt"},
      {"app/a.cc", "out << std::endl;", "flushes"},
      {"calibration/a.cc", "std::exit(2);", "return an Error"},
      {"sim/a.cc", "auto v = x | std::views::reverse;", "write a loop"},
      {"sim/a.cc", "auto v = x | std::ranges::views::reverse;", "write a loop"},
      {"planner/a.cc", "auto t = std::chrono::system_clock::now();", "pass the date in"},
      {"sim/a.cc", "auto t = std::chrono::steady_clock::now();", "SimTime"},
      {"workload/a.cc", "int n = std::atoi(text);", "parse_int"},
      {"app/a.cc", "double d = std::stod(text);", "parse_double"},
  }));
  CAPTURE(bad.path, bad.line);
  const Findings findings = check_banned_calls({sample(bad.path, "\n" + bad.line + "\n")});
  REQUIRE(findings.size() == 1);
  REQUIRE(found(findings, bad.path, 2, bad.replacement));
}

TEST_CASE("what only looks like a banned call is left alone") {
  const std::string line = GENERATE(values<std::string>({
      "// rand() and std::cout in a comment",
      "auto text = \"printf(rand())\";",
      "int operand = brand(3);",
      "int views = 3;",
      "EmpiricalDistribution length_distribution(knots);",
      "loop.exit();",
      "int rand = 3;",
  }));
  CAPTURE(line);
  REQUIRE(check_banned_calls({sample("core/a.cc", line + "\n")}).empty());
}

TEST_CASE("the program may print, read the clock and end itself") {
  REQUIRE(
      check_banned_calls(
          {sample("app/a.cc", "fmt::print(f); std::chrono::system_clock::now(); std::exit(0);\n")})
          .empty());
}

TEST_CASE("state that outlives a run is found") {
  const std::string bad = GENERATE(values<std::string>({
      "  static int calls = 0;",
      "static std::map<int, int> cache;",
      "thread_local std::vector<int> scratch;",
      "  static std::mutex guard{};",
  }));
  CAPTURE(bad);
  REQUIRE(found(check_static_state({sample("sim/a.cc", bad + "\n")}), "sim/a.cc", 1, "outlives"));
  REQUIRE(check_static_state({sample("tests/a.cc", bad + "\n")}).empty());
}

TEST_CASE("constants and functions are no state") {
  const std::string good = GENERATE(values<std::string>({
      "  static constexpr int kLimit = 3;",
      "static const std::map<int, int> kTable = {};",
      "  static Json object();",
      "  static Duration from_seconds(double seconds) {",
      "static_assert(sizeof(int) == 4);",
      "// static int calls = 0;",
  }));
  CAPTURE(good);
  REQUIRE(check_static_state({sample("sim/a.cc", good + "\n")}).empty());
}

TEST_CASE("words of unfinished work are found in code, comments and documents") {
  for (const std::string word : {"TO"
                                 "DO",
                                 "FIX"
                                 "ME",
                                 "XX"
                                 "X",
                                 "for "
                                 "now",
                                 "For "
                                 "now",
                                 "Not "
                                 "implemented",
                                 "place"
                                 "holder",
                                 "st"
                                 "ub"}) {
    CAPTURE(word);
    REQUIRE(check_unfinished({sample("core/a.cc", "x;\n// " + word + ": later\n")}).size() == 1);
    REQUIRE(check_unfinished({sample("docs/A.md", "a " + word + "\n")}).size() == 1);
    REQUIRE(check_unfinished({sample("data/llms/a.json", word)}).empty());
  }
  REQUIRE(check_unfinished({sample("core/a.cc", "// stubborn, for nowhere, TODOS\n")}).empty());
}

TEST_CASE("a place on one machine is found, a URL is not") {
  REQUIRE(
      found(check_machine_paths({sample("README.md", "cd /tmp/a\n")}), "README.md", 1, "/tmp/"));
  REQUIRE(
      check_machine_paths({sample("data/profiles/a.json", "\"--trace=/home/me/t.csv\"")}).size() ==
      1);
  REQUIRE(check_machine_paths({sample("tests/a.cc", "/tmp/a")}).empty());
  REQUIRE(check_machine_paths({sample("a.md", "https://example.org/work/x and ./tmp/y")}).empty());
}

TEST_CASE("tabs, trailing blanks, carriage returns and a missing last newline are found") {
  REQUIRE(found(check_blanks({sample("a.cc", "x;\n\ty;\n")}), "a.cc", 2, "tab"));
  REQUIRE(found(check_blanks({sample("a.cc", "x; \n")}), "a.cc", 1, "blanks"));
  REQUIRE(found(check_blanks({sample("a.cc", "x;\r\n")}), "a.cc", 1, "carriage return"));
  REQUIRE(found(check_blanks({sample("a.cc", "x;\ny;")}), "a.cc", 2, "no newline"));
  REQUIRE(check_blanks({sample("a.cc", "x;\n"), sample("empty.txt", "")}).empty());
}

}  // namespace
}  // namespace eph::hygiene
