#include "core/json_doc.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/assert.h"
#include "core/line_source.h"

using eph::Json;

namespace {

Json parsed(std::string_view text, const eph::ParseOptions& options = {}) {
  auto result = eph::parse_json(text, "test.json", options);
  INFO((result ? std::string() : result.error().text()));
  REQUIRE(result);
  return *std::move(result);
}

using Place = std::pair<std::int64_t, std::int64_t>;

Place place_of(const Json& root, std::string_view path) {
  const Json* found = root.at_path(path);
  REQUIRE(found != nullptr);
  return {found->line(), found->column()};
}

}  // namespace

TEST_CASE("every type of value is read") {
  const Json root = parsed(R"({"n": null, "t": true, "f": false, "i": -3, "d": 2.5,
                              "s": "a\"\u00e9\n", "a": [1, []], "o": {}})");
  CHECK(root.find("n")->is_null());
  CHECK(root.find("t")->as_bool());
  CHECK_FALSE(root.find("f")->as_bool());
  CHECK(root.find("i")->as_int() == -3);
  CHECK(root.find("i")->as_double() == -3.0);
  CHECK(root.find("d")->as_double() == 2.5);
  CHECK(root.find("s")->as_string() == "a\"\xc3\xa9\n");
  CHECK(root.find("a")->items().size() == 2);
  CHECK(root.find("o")->members().empty());
  CHECK(root.find("absent") == nullptr);
}

TEST_CASE("a scalar is a document too") {
  CHECK(parsed("7").as_int() == 7);
  CHECK(parsed(" \"x\" ").as_string() == "x");
  CHECK(parsed("null").is_null());
}

TEST_CASE("integers keep 64 bits and larger ones become numbers") {
  CHECK(parsed("9223372036854775807").as_int() == std::numeric_limits<std::int64_t>::max());
  CHECK(parsed("-9223372036854775808").as_int() == std::numeric_limits<std::int64_t>::min());
  const Json above = parsed("9223372036854775808");
  CHECK(above.type() == Json::Type::number);
  CHECK(above.as_double() == 0x1p63);
  CHECK(parsed("-9223372036854775809").as_double() == -0x1p63);
  CHECK(parsed("100000000000000000000000").as_double() == 1e23);
  CHECK(parsed("1.0").type() == Json::Type::number);
}

TEST_CASE("members keep the order of the file and duplicates are kept") {
  const Json root = parsed(R"({"z": 1, "a": 2, "z": 3})");
  REQUIRE(root.members().size() == 3);
  CHECK(root.members()[0].first == "z");
  CHECK(root.members()[1].first == "a");
  CHECK(root.members()[2].second.as_int() == 3);
  CHECK(root.find("z")->as_int() == 1);
}

TEST_CASE("a member's place is its key's and an item's place is its own") {
  const Json root = parsed(
      "{\n"
      "  \"name\": \"x\",\n"
      "  // a comment, with \"quotes\": [1, 2]\n"
      "  \"pools\": [ 1 , -2.5e3,true,\n"
      "    {\"a\" /* : */ :\n"
      "       [ \"s\\\"t\", null ]},\n"
      "    9]\n"
      "}\n");
  CHECK(Place{root.line(), root.column()} == Place{1, 1});
  CHECK(place_of(root, "name") == Place{2, 3});
  CHECK(place_of(root, "pools") == Place{4, 3});
  CHECK(place_of(root, "pools/0") == Place{4, 14});
  CHECK(place_of(root, "pools/1") == Place{4, 18});
  CHECK(place_of(root, "pools/2") == Place{4, 25});
  CHECK(place_of(root, "pools/3") == Place{5, 5});
  CHECK(place_of(root, "pools/3/a") == Place{5, 6});
  CHECK(place_of(root, "pools/3/a/0") == Place{6, 10});
  CHECK(place_of(root, "pools/3/a/1") == Place{6, 18});
  CHECK(place_of(root, "pools/4") == Place{7, 5});
}

TEST_CASE("columns count characters, lines may end in CR LF and a byte order mark is no column") {
  const Json root = parsed("\xef\xbb\xbf[\"\xc3\xa9\xe2\x82\xac\", 1,\r\n 2]");
  CHECK(place_of(root, "0") == Place{1, 2});
  CHECK(place_of(root, "1") == Place{1, 8});
  CHECK(place_of(root, "2") == Place{2, 2});
}

TEST_CASE("paths lead through objects and arrays") {
  const Json root = parsed(R"({"a": {"b": [10, 20]}})");
  CHECK(root.at_path("a/b/1")->as_int() == 20);
  CHECK(root.at_path("a/b/2") == nullptr);
  CHECK(root.at_path("a/b/-1") == nullptr);
  CHECK(root.at_path("a/x/0") == nullptr);
  CHECK(root.at_path("a/b/0/c") == nullptr);
}

TEST_CASE("comments are allowed on reading") {
  CHECK(parsed("// first\n[1, /* two */ 2 // last\n]\n/* end */").items().size() == 2);
}

TEST_CASE("special numbers are read on request, outside strings and comments only") {
  const Json root = parsed(
      "{\"a\": NaN, \"b\": [Infinity,-Infinity, 0, 1.5], // NaN Infinity\n"
      " /* NaN */ \"NaN\": \"Infinity \\\" NaN\", \"c\": NaN}",
      {.allow_special_numbers = true});
  CHECK(std::isnan(root.find("a")->as_double()));
  CHECK(root.at_path("b/0")->as_double() == std::numeric_limits<double>::infinity());
  CHECK(root.at_path("b/1")->as_double() == -std::numeric_limits<double>::infinity());
  CHECK(root.at_path("b/2")->as_int() == 0);
  CHECK(root.at_path("b/3")->as_double() == 1.5);
  CHECK(root.find("NaN")->as_string() == "Infinity \" NaN");
  CHECK(std::isnan(root.find("c")->as_double()));
  CHECK(place_of(root, "b/1") == Place{1, 27});
  CHECK(place_of(root, "c") == Place{2, 38});
}

TEST_CASE("special numbers must be whole tokens and are refused without the option") {
  const auto* text = GENERATE("[1NaN]", "[NaN1]", "[-NaN]", "[nan]", "[+Infinity]", "[Infinity.]",
                              "[NaN NaN]", "{NaN: 1}");
  CAPTURE(text);
  CHECK_FALSE(eph::parse_json(text, "t", {.allow_special_numbers = true}));
  CHECK_FALSE(eph::parse_json("[NaN]", "t"));
  CHECK_FALSE(eph::parse_json("[-Infinity]", "t"));
}

TEST_CASE("documents are read to the depth limit") {
  const std::string open(eph::kMaxJsonDepth, '[');
  const std::string close(eph::kMaxJsonDepth, ']');
  CHECK(parsed(open + close).is_array());
}

TEST_CASE("values are built in memory") {
  Json root = Json::object();
  root.set("a", 1).set("b", 2.5).set("c", "x").set("d", true).set("e", std::size_t{7});
  root.set("f", Json::array().push(Json::integer(1)).push(Json()));
  root.set("a", std::int64_t{9});
  CHECK(root.members().size() == 6);
  CHECK(root.find("a")->as_int() == 9);
  CHECK(root.members().front().first == "a");
  CHECK(root.find("d")->as_bool());
  CHECK(root.at_path("f/1")->is_null());
  CHECK(root.line() == 0);
}

TEST_CASE("asking a value for another type is our own bug") {
  CHECK_THROWS_AS(Json().as_bool(), eph::InternalError);
  CHECK_THROWS_AS(Json::number(1).as_int(), eph::InternalError);
  CHECK_THROWS_AS(Json::string("1").as_double(), eph::InternalError);
  CHECK_THROWS_AS(Json::integer(1).as_string(), eph::InternalError);
  CHECK_THROWS_AS(Json::object().items(), eph::InternalError);
  CHECK_THROWS_AS(Json::array().members(), eph::InternalError);
  CHECK_THROWS_AS(Json::array().set("a", 1), eph::InternalError);
  CHECK_THROWS_AS(Json::object().push(Json()), eph::InternalError);
}

TEST_CASE("types are named for messages") {
  CHECK(Json().type_name() == "null");
  CHECK(Json::boolean(true).type_name() == "a boolean");
  CHECK(Json::integer(1).type_name() == "an integer");
  CHECK(Json::number(1).type_name() == "a number");
  CHECK(Json::string("").type_name() == "a string");
  CHECK(Json::array().type_name() == "an array");
  CHECK(Json::object().type_name() == "an object");
}

TEST_CASE("files are loaded, missing ones are I/O errors and broken ones usage errors") {
  const std::string path = std::string(EPH_TEST_OUT) + "/load.json";
  REQUIRE(eph::write_file(path, "{\"a\": [1, 2]}"));
  CHECK(eph::load_json(path)->at_path("a/1")->as_int() == 2);
  REQUIRE(eph::write_file(path, "{\"a\": [1, 2}"));
  const auto broken = eph::load_json(path);
  REQUIRE_FALSE(broken);
  CHECK(broken.error().kind == eph::ErrorKind::usage);
  CHECK(broken.error().place.file == path);
  const auto missing = eph::load_json("no/such/file.json");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == eph::ErrorKind::io);
}
