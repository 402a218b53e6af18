#include <catch2/catch.hpp>

#include "core/json_doc.h"
#include "core/rng.h"

namespace {

std::string fault_of(std::string_view text) {
  const auto result = eph::parse_json(text, "f.json");
  REQUIRE_FALSE(result);
  CHECK(result.error().kind == eph::ErrorKind::usage);
  return result.error().text();
}

}  // namespace

TEST_CASE("syntax errors name the place and what would be right") {
  CHECK(fault_of("") ==
        "f.json:1:1: not JSON: unexpected end of input; expected '[', '{', or a literal");
  CHECK(fault_of("{\"a\": 1,\n}") ==
        "f.json:2:1: not JSON: unexpected '}'; remove the comma before it");
  CHECK(fault_of("[1, 2,]") == "f.json:1:7: not JSON: unexpected ']'; remove the comma before it");
  CHECK(fault_of("{\"a\" 1}") == "f.json:1:6: not JSON: unexpected number literal; expected ':'");
  CHECK(fault_of("{\n  \"a\": 1\n  \"b\": 2\n}") ==
        "f.json:3:3: not JSON: unexpected string literal; expected '}'");
  CHECK(fault_of("[1 2]") == "f.json:1:4: not JSON: unexpected number literal; expected ']'");
  CHECK(fault_of("[1,,2]") ==
        "f.json:1:4: not JSON: unexpected ','; expected '[', '{', or a literal");
  CHECK(fault_of("[1, 2") == "f.json:1:6: not JSON: unexpected end of input; expected ']'");
  CHECK(fault_of("{\"a\": 1}\n x") == "f.json:2:2: not JSON: invalid literal");
  CHECK(fault_of("{'a': 1}") ==
        "f.json:1:2: not JSON: invalid literal; strings take double quotes");
  CHECK(fault_of("[1] [2]") == "f.json:1:5: not JSON: unexpected '['; expected end of input");
}

TEST_CASE("broken tokens are named with the place where they break") {
  CHECK(fault_of("[tru]") == "f.json:1:5: not JSON: invalid literal");
  CHECK(fault_of("\n[01]") == "f.json:2:3: not JSON: unexpected number literal; expected ']'");
  CHECK(fault_of("[\"abc") == "f.json:1:5: not JSON: invalid string: missing closing quote");
  CHECK(fault_of("[1e999]") == "f.json:1:2: 1e999 is too large for a number; use a smaller value");
  CHECK(fault_of("[1.]") == "f.json:1:4: not JSON: invalid number; expected digit after '.'");
  CHECK(fault_of("/* open").find("not JSON: invalid comment") != std::string::npos);
}

TEST_CASE("bytes that are not UTF-8 and zero bytes are refused") {
  CHECK(fault_of("[\"ab\xff\"]") == "f.json:1:5: not JSON: invalid string: ill-formed UTF-8 byte");
  CHECK(fault_of("[\"\xed\xa0\x80\"]").find("ill-formed UTF-8 byte") != std::string::npos);
  CHECK(fault_of(std::string_view("[1]\n\0[2]", 8)) ==
        "f.json:2:1: not JSON: a zero byte; write the file as UTF-8");
}

TEST_CASE("nesting beyond the limit is an error and no crash") {
  const std::string_view fault = ": nested deeper than 200 levels; flatten the file";
  CHECK(fault_of(std::string(201, '[')) == "f.json:1:201" + std::string(fault));
  CHECK(fault_of(std::string(1000000, '[')) == "f.json:1:201" + std::string(fault));
  std::string objects;
  for (int i = 0; i < 1000; ++i) objects += "{\"a\":";
  CHECK(fault_of(objects).find("nested deeper than 200 levels") != std::string::npos);
}

// Any text is read or refused, and what is read has places inside the text.
TEST_CASE("no mutation of a document crashes the parser") {
  const std::string original =
      "{\"a\": [1, -2.5e3, true, null, NaN, -Infinity], // c\n \"b\\u00e9\\\"\": {\"\xc3\xa9\": "
      "\"x\"}, "
      "/* d */ \"e\": false}";
  constexpr std::string_view kBytes = "{}[]:,\"\\/*0-.eEn tNI\n\xc3\xff";
  const std::uint64_t seed = GENERATE(range(1, 4));
  CAPTURE(seed);
  eph::Stream stream({.seed = seed});
  int read = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string text = original;
    for (std::uint64_t edits = 1 + stream.below(3); edits > 0; --edits) {
      const auto at = static_cast<std::size_t>(stream.below(text.size()));
      const char byte = kBytes[static_cast<std::size_t>(stream.below(kBytes.size()))];
      switch (stream.below(3)) {
        case 0:
          text[at] = byte;
          break;
        case 1:
          text.insert(at, 1, byte);
          break;
        default:
          text.erase(at, 1 + static_cast<std::size_t>(stream.below(5)));
      }
      if (text.empty()) text.push_back('1');
    }
    const auto result = eph::parse_json(text, "m.json", {.allow_special_numbers = true});
    if (result) {
      ++read;
      REQUIRE(eph::parse_json(result->dump(), "d.json"));
    } else {
      REQUIRE(result.error().place.line >= 1);
      REQUIRE(result.error().place.line <= std::count(text.begin(), text.end(), '\n') + 1);
      REQUIRE(result.error().place.column >= 1);
    }
  }
  CHECK(read > 100);  // the property is not vacuous
}
