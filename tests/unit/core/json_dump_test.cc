#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <limits>

#include "core/json_doc.h"
#include "core/rng.h"

using eph::Json;

namespace {

Json random_json(eph::Stream& stream, int depth) {
  switch (stream.below(depth > 0 ? 7 : 5)) {
    case 0:
      return {};
    case 1:
      return Json::boolean(stream.below(2) == 1);
    case 2:
      return Json::integer(static_cast<std::int64_t>(stream.next()));
    case 3:
      return Json::number(stream.unit() * 1e6);
    case 4: {
      std::string text;
      for (std::uint64_t i = stream.below(6); i > 0; --i) {
        text += static_cast<char>(stream.below(127) + 1);
      }
      return Json::string(text);
    }
    case 5: {
      Json array = Json::array();
      for (std::uint64_t i = stream.below(4); i > 0; --i)
        array.push(random_json(stream, depth - 1));
      return array;
    }
    default: {
      Json object = Json::object();
      for (std::uint64_t i = stream.below(4); i > 0; --i) {
        object.set(fmt::format("k{}", i), random_json(stream, depth - 1));
      }
      return object;
    }
  }
}

}  // namespace

TEST_CASE("an indented dump keeps arrays of scalars on one line") {
  Json root = Json::object();
  root.set("name", "chat");
  root.set("ids", Json::array().push(Json::integer(1)).push(Json::number(2.5)));
  root.set("pools", Json::array().push(Json::object().set("tp", 8)));
  root.set("none", Json::object()).set("empty", Json::array());
  CHECK(root.dump() ==
        "{\n"
        "  \"name\": \"chat\",\n"
        "  \"ids\": [1, 2.5],\n"
        "  \"pools\": [\n"
        "    {\n"
        "      \"tp\": 8\n"
        "    }\n"
        "  ],\n"
        "  \"none\": {},\n"
        "  \"empty\": []\n"
        "}");
  CHECK(root.dump(-1) ==
        R"({"name":"chat","ids":[1,2.5],"pools":[{"tp":8}],"none":{},"empty":[]})");
  CHECK(Json::object().set("a", 1).dump(0) == "{\n\"a\": 1\n}");
}

TEST_CASE("numbers are written shortest and non-finite ones as null") {
  CHECK(Json::number(0.1).dump() == "0.1");
  CHECK(Json::number(1e30).dump() == "1e+30");
  CHECK(Json::integer(-7).dump() == "-7");
  CHECK(Json::number(std::numeric_limits<double>::infinity()).dump() == "null");
  CHECK(Json::number(std::numeric_limits<double>::quiet_NaN()).dump() == "null");
}

TEST_CASE("strings are escaped and bytes that are not UTF-8 replaced") {
  CHECK(Json::string("a\"b\\c\n\r\t\x01\x7f").dump() == "\"a\\\"b\\\\c\\n\\r\\t\\u0001\x7f\"");
  CHECK(Json::string("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80").dump() ==
        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
  // A lone continuation byte, an overlong slash (two bytes), a surrogate (three), a cut sequence.
  const auto replaced = [](int n) {
    std::string text;
    for (int i = 0; i < n; ++i) text += "\xef\xbf\xbd";
    return text;
  };
  CHECK(Json::string("\x80").dump() == fmt::format("\"{}\"", replaced(1)));
  CHECK(Json::string("\xc0\xaf").dump() == fmt::format("\"{}\"", replaced(2)));
  CHECK(Json::string("\xed\xa0\x80").dump() == fmt::format("\"{}\"", replaced(3)));
  CHECK(Json::string("x\xe2\x82").dump() == fmt::format("\"x{}\"", replaced(2)));
}

TEST_CASE("what is dumped reads back to the same dump") {
  const std::uint64_t seed = GENERATE(range(1, 301));
  CAPTURE(seed);
  eph::Stream stream({.seed = seed});
  const Json value = random_json(stream, 4);
  const int indent = GENERATE(-1, 0, 2);
  const auto back = eph::parse_json(value.dump(indent), "back.json");
  REQUIRE(back);
  CHECK(back->dump() == value.dump());
}
