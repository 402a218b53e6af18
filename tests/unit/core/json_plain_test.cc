// The quick reader against the library: a byte order mark leaves a text to the library.
#include "core/json_plain.h"

#include <algorithm>
#include <array>
#include <bit>
#include <catch2/catch.hpp>
#include <filesystem>

#include "core/line_source.h"
#include "core/rng.h"

namespace {

using eph::Json;
using eph::Stream;

bool same(const Json& a, const Json& b) {
  if (a.type() != b.type() || a.line() != b.line() || a.column() != b.column()) return false;
  switch (a.type()) {
    case Json::Type::null:
      return true;
    case Json::Type::boolean:
      return a.as_bool() == b.as_bool();
    case Json::Type::integer:
      return a.as_int() == b.as_int();
    case Json::Type::number:
      return std::bit_cast<std::uint64_t>(a.as_double()) ==
             std::bit_cast<std::uint64_t>(b.as_double());
    case Json::Type::string:
      return a.as_string() == b.as_string();
    case Json::Type::array:
      return std::equal(a.items().begin(), a.items().end(), b.items().begin(), b.items().end(),
                        same);
    case Json::Type::object:
      return std::equal(a.members().begin(), a.members().end(), b.members().begin(),
                        b.members().end(), [](const auto& x, const auto& y) {
                          return x.first == y.first && same(x.second, y.second);
                        });
  }
  return false;
}

// True when the quick reader took it.
bool check(const std::string& text) {
  CAPTURE(text.substr(0, 300));
  const auto quick = eph::parse_plain_json(text, 1);
  const auto library = eph::parse_json("\xef\xbb\xbf" + text, "t.json");
  if (!quick) return false;
  REQUIRE(library);
  REQUIRE(same(*quick, *library));
  return true;
}

void blanks(Stream& stream, std::string& out) {
  constexpr std::array<std::string_view, 8> kBlanks{"",       "",   " ",           "\n",
                                                    "\r\n  ", "\t", "// [1, \"\n", " /* {*\n } */"};
  out += kBlanks[stream.below(kBlanks.size())];
}

void value(Stream& stream, int depth, std::string& out) {
  constexpr std::array<std::string_view, 16> kScalars{
      "null", "true",   "false", "0",    "-0",      "-17",     "123456789012345678", "0.1", "-0.0",
      "1e-7", "2.5E+3", "1e5",   "\"\"", "\"a b\"", "\"x/y\"", "3.141592653589793"};
  blanks(stream, out);
  const std::uint64_t kind = stream.below(depth > 4 ? 2 : 4);
  if (kind < 2) {
    out += kScalars[stream.below(kScalars.size())];
  } else {
    out += kind == 2 ? '[' : '{';
    const std::uint64_t count = stream.below(5);
    for (std::uint64_t i = 0; i < count; ++i) {
      if (i > 0) out += ',';
      blanks(stream, out);
      if (kind == 3) {
        out += "\"k" + std::to_string(stream.below(3)) + "\"";
        blanks(stream, out);
        out += ':';
      }
      value(stream, depth + 1, out);
    }
    blanks(stream, out);
    out += kind == 2 ? ']' : '}';
  }
  blanks(stream, out);
}

}  // namespace

TEST_CASE("random documents have the library's values and places") {
  for (std::uint64_t i = 0; i < 4000; ++i) {
    Stream stream({.seed = 31, .purpose = eph::Purpose::test, .entity = i});
    std::string text;
    value(stream, 0, text);
    REQUIRE(check(text));
  }
}

TEST_CASE("a damaged document is the library's, or a document to both") {
  constexpr std::string_view kBytes = "{}[]:,\"\\/-+.eE0127tfn \n\t\x01\x7f\xc3";
  std::size_t refused = 0;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    Stream stream({.seed = 32, .purpose = eph::Purpose::test, .entity = i});
    std::string text;
    value(stream, 0, text);
    for (std::uint64_t edits = 1 + stream.below(3); edits > 0 && !text.empty(); --edits) {
      const std::size_t at = stream.below(text.size());
      if (stream.below(3) == 0)
        text.erase(at, 1);
      else
        text[at] = kBytes[stream.below(kBytes.size())];
    }
    refused += check(text) ? 0 : 1;
  }
  CHECK(refused > 5'000);
}

TEST_CASE("what is not plain is left to the library") {
  for (const char* text : {"",
                           "01",
                           "1.",
                           ".5",
                           "+1",
                           "1e",
                           "1e999",
                           "1e-999",
                           "\"\\n\"",
                           "\"\xc3\xa9\"",
                           "[1,]",
                           "{\"a\":1,}",
                           "[1 2]",
                           "{\"a\" 1}",
                           "{a:1}",
                           "tru",
                           "nul",
                           "1 2",
                           "1234567890123456789",
                           "[",
                           "{\"a\":",
                           "\"a\nb\""}) {
    INFO(text);
    CHECK_FALSE(eph::parse_plain_json(text, 1));
  }
  std::string deep(eph::kMaxJsonDepth + 1, '[');
  deep += std::string(deep.size(), ']');
  CHECK_FALSE(eph::parse_plain_json(deep, 1));
  deep = deep.substr(1, deep.size() - 2);
  CHECK(check(deep));
}

TEST_CASE("every shipped file is read the quick way, and as the library reads it") {
  std::size_t files = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::string(EPH_SOURCE_DIR) + "/data")) {
    const std::string path = entry.path().string();
    // The schema's texts have letters beyond ASCII.
    if (!path.ends_with(".json") || path.find("/schema/") != std::string::npos) continue;
    INFO(path);
    const auto text = eph::read_file(path);
    REQUIRE(text);
    CHECK(check(*text));
    ++files;
  }
  CHECK(files > 90);
}
