#include "core/reader.h"

#include <catch2/catch.hpp>

using eph::Diagnostics;
using eph::Json;
using eph::Reader;

namespace {

Json parsed(std::string_view text) {
  auto result = eph::parse_json(text, "chat.json");
  REQUIRE(result);
  return *std::move(result);
}

// The texts of all faults, one a line.
std::string faults_of(const Diagnostics& faults) {
  std::string text;
  for (const eph::Error& error : faults.errors()) {
    CHECK(error.kind == eph::ErrorKind::usage);
    text += error.text() + "\n";
  }
  return text;
}

// Reads one-line `text` with `read` and gives the faults.
template <class Read>
std::string faults_when(std::string_view text, Read read) {
  const Json json = parsed(text);
  Diagnostics faults;
  Reader reader(json, "chat.json", faults);
  read(reader);
  return faults_of(faults);
}

}  // namespace

TEST_CASE("a reader gives typed values") {
  const Json json = parsed(R"({
    "name": "chat", "on": true, "tp": 8, "big": 1e6, "load": 0.5, "count": 3,
    "ttft": "500 ms", "memory": "80 GiB", "link": "400 Gb/s", "peak": "989 TFLOPS",
    "price": "$2.50/h", "mode": "chunked", "knots": [1, 2.5], "tags": ["a", "b"],
    "slo": {"p": 99}, "pools": [{"n": 1}, {"n": 2}]})");
  Diagnostics faults;
  Reader reader(json, "chat.json", faults);
  CHECK(reader.has("name"));
  CHECK_FALSE(reader.has("absent"));
  CHECK(reader.string("name") == "chat");
  CHECK(reader.boolean("on"));
  CHECK(reader.integer("tp", {.min = 1, .max = 8}) == 8);
  CHECK(reader.integer("big") == 1000000);
  CHECK(reader.number("load", {.min = 0, .max = 1}) == 0.5);
  CHECK(reader.number("count") == 3.0);
  CHECK(reader.seconds("ttft").value == 0.5);
  CHECK(reader.bytes("memory").value == 80LL << 30);
  CHECK(reader.bandwidth("link").value == 50e9);
  CHECK(reader.flops("peak").value == 989e12);
  CHECK(reader.usd_per_hour("price").value == 2.5);
  CHECK(reader.choice("mode", {"whole", "chunked"}) == 1);
  CHECK(reader.numbers("knots") == std::vector<double>{1, 2.5});
  CHECK(reader.strings("tags") == std::vector<std::string>{"a", "b"});
  Reader slo = reader.object("slo");
  CHECK(slo.integer("p") == 99);
  CHECK(slo.pointer() == "/slo");
  slo.finish();
  std::int64_t sum = 0;
  for (Reader pool : reader.objects("pools")) {
    sum += pool.integer("n");
    pool.finish();
  }
  CHECK(sum == 3);
  reader.finish();
  CHECK(faults_of(faults).empty());
}

TEST_CASE("absent keys give their defaults without a fault") {
  const Json json = parsed("{}");
  Diagnostics faults;
  Reader reader(json, "chat.json", faults);
  CHECK(reader.string("a", "x") == "x");
  CHECK(reader.boolean("a", true));
  CHECK(reader.integer("a", {.min = 1}, 4) == 4);
  CHECK(reader.number("a", {}, 0.25) == 0.25);
  CHECK(reader.seconds("a", eph::Seconds{2}).value == 2);
  CHECK(reader.bytes("a", eph::Bytes{3}).value == 3);
  CHECK(reader.bandwidth("a", eph::BytesPerSecond{4}).value == 4);
  CHECK(reader.flops("a", eph::FlopsPerSecond{5}).value == 5);
  CHECK(reader.usd_per_hour("a", eph::UsdPerHour{6}).value == 6);
  CHECK(reader.choice("a", {"x", "y"}, 1) == 1);
  CHECK(reader.numbers("a", false).empty());
  CHECK(reader.strings("a", false).empty());
  CHECK(reader.objects("a", false).empty());
  CHECK(reader.raw("a") == nullptr);
  Reader inner = reader.object("a", false);
  CHECK(inner.integer("deep", {}, 7) == 7);
  CHECK(inner.string("required").empty());
  inner.finish();
  reader.finish();
  CHECK(faults_of(faults).empty());
}

TEST_CASE("an unknown key is named with its line and the key that was meant") {
  std::string text(19, '\n');
  text += "{\n  \"slo\": {\n    \"tfft\": \"500 ms\"}}";
  const Json json = parsed(text);
  Diagnostics faults;
  Reader root(json, "chat.json", faults);
  Reader slo = root.object("slo");
  (void)slo.seconds("ttft", eph::Seconds{1});
  (void)slo.seconds("tpot", eph::Seconds{1});
  slo.finish();
  root.finish();
  CHECK(faults_of(faults) == "chat.json:22:5: /slo/tfft: unknown key; did you mean \"ttft\"?\n");
}

TEST_CASE("an unknown key unlike any other gets the list of known keys") {
  CHECK(faults_when(R"({"colour": 1})", [](Reader& reader) {
          (void)reader.integer("tp", {}, 1);
          (void)reader.integer("dp", {}, 1);
          reader.finish();
        }) == "chat.json:1:2: /colour: unknown key; one of: dp, tp\n");
}

TEST_CASE("a duplicate key is named with the line of the first") {
  CHECK(faults_when("{\"tp\": 1,\n \"tp\": 2}", [](Reader& reader) {
          CHECK(reader.integer("tp") == 1);
          reader.finish();
        }) == "chat.json:2:2: /tp: duplicate key; remove it or the one in line 1\n");
}

TEST_CASE("missing required keys are named at their object") {
  CHECK(faults_when(R"( {})",
                    [](Reader& reader) {
                      CHECK(reader.string("name").empty());
                      CHECK_FALSE(reader.boolean("on"));
                      CHECK(reader.integer("tp", {.min = 1}) == 0);
                      CHECK(reader.number("load") == 0);
                      CHECK(reader.seconds("ttft").value == 0);
                      CHECK(reader.choice("mode", {"whole", "chunked"}) == 0);
                      CHECK(reader.numbers("knots").empty());
                      CHECK(reader.objects("pools").empty());
                    }) ==
        "chat.json:1:2: /name: required key is missing; add it, as in \"name\": \"text\"\n"
        "chat.json:1:2: /on: required key is missing; add it, as in \"on\": true\n"
        "chat.json:1:2: /tp: required key is missing; add it, as in \"tp\": 1\n"
        "chat.json:1:2: /load: required key is missing; add it, as in \"load\": 1.5\n"
        "chat.json:1:2: /ttft: required key is missing; add it, as in \"ttft\": \"500 ms\"\n"
        "chat.json:1:2: /mode: required key is missing; add it, as in \"mode\": \"whole\"\n"
        "chat.json:1:2: /knots: required key is missing; add it, as in \"knots\": [1, 2]\n"
        "chat.json:1:2: /pools: required key is missing; add it, as in \"pools\": [{ ... }]\n");
}

TEST_CASE("a missing required object is one fault, not one for each of its keys") {
  CHECK(faults_when("{}", [](Reader& reader) {
          Reader slo = reader.object("slo");
          (void)slo.seconds("ttft");
          (void)slo.object("deeper").integer("x");
          slo.finish();
        }) == "chat.json:1:1: /slo: required key is missing; add it, as in \"slo\": { ... }\n");
}

TEST_CASE("wrong types are named with what was found") {
  CHECK(faults_when(R"({"a": 1, "b": "yes", "c": "3", "d": 2.5, "e": null, "f": {}, "g": [1]})",
                    [](Reader& reader) {
                      CHECK(reader.string("a", "x") == "x");
                      CHECK(reader.boolean("b", true));
                      CHECK(reader.integer("c", {}, 7) == 7);
                      CHECK(reader.integer("d", {}, 7) == 7);
                      CHECK(reader.number("e", {}, 7) == 7);
                      (void)reader.numbers("f");
                      (void)reader.object("g").integer("deep");
                      (void)reader.seconds("g");
                      (void)reader.choice("d", {"x"});
                    }) ==
        "chat.json:1:2: /a: expected a string, found 1\n"
        "chat.json:1:10: /b: expected true or false, found the string \"yes\"\n"
        "chat.json:1:22: /c: expected a whole number, found the string \"3\"\n"
        "chat.json:1:32: /d: expected a whole number, found 2.5\n"
        "chat.json:1:42: /e: expected a number, found null\n"
        "chat.json:1:53: /f: expected an array, found an object\n"
        "chat.json:1:62: /g: expected an object, found an array; write { ... }\n"
        "chat.json:1:62: /g: expected a string with a unit such as \"500 ms\", found an array\n"
        "chat.json:1:32: /d: expected a string, found 2.5\n");
}

TEST_CASE("values out of range are named with the range") {
  CHECK(faults_when(R"({"a": 0, "b": 65, "c": 9, "d": 1.5, "e": -0.5})",
                    [](Reader& reader) {
                      CHECK(reader.integer("a", {.min = 1}, 2) == 2);
                      CHECK(reader.integer("b", {.min = 1, .max = 64}, 2) == 2);
                      CHECK(reader.integer("c", {.max = 8}) == 0);
                      CHECK(reader.number("d", {.min = 0, .max = 1}) == 0);
                      CHECK(reader.number("e", {.min = 0}, 3) == 3);
                    }) ==
        "chat.json:1:2: /a: 0 is out of range; use at least 1\n"
        "chat.json:1:10: /b: 65 is out of range; use 1 to 64\n"
        "chat.json:1:19: /c: 9 is out of range; use at most 8\n"
        "chat.json:1:27: /d: 1.5 is out of range; use 0 to 1\n"
        "chat.json:1:37: /e: -0.5 is out of range; use at least 0\n");
}

TEST_CASE("a quantity without a unit is named with how to write it") {
  CHECK(faults_when(R"({"a": 80, "b": "80", "c": "5 sec", "d": 1.5})",
                    [](Reader& reader) {
                      CHECK(reader.bytes("a", eph::Bytes{1}).value == 1);
                      (void)reader.bytes("b");
                      (void)reader.seconds("c");
                      (void)reader.usd_per_hour("d");
                    }) ==
        "chat.json:1:2: /a: 80 has no unit; write a string with a unit, as in \"80 GiB\"\n"
        "chat.json:1:11: /b: \"80\" is not a number of bytes; write it like \"80 GiB\" "
        "(units: B kB MB GB TB KiB MiB GiB TiB)\n"
        "chat.json:1:22: /c: \"5 sec\" is not a time; write it like \"500 ms\" "
        "(units: ns us ms s min h d)\n"
        "chat.json:1:36: /d: 1.5 has no unit; write a string with a unit, as in \"2.50 USD/h\"\n");
}

TEST_CASE("an unknown choice is named with the likely or all choices") {
  CHECK(faults_when(R"({"a": "chunkd", "b": "fast"})",
                    [](Reader& reader) {
                      CHECK(reader.choice("a", {"whole", "chunked"}, 1) == 1);
                      CHECK(reader.choice("b", {"whole", "chunked"}) == 0);
                    }) ==
        "chat.json:1:2: /a: \"chunkd\" is not known; did you mean \"chunked\"?\n"
        "chat.json:1:17: /b: \"fast\" is not known; one of: whole, chunked\n");
}

TEST_CASE("bad items of lists are named by their index and place") {
  CHECK(faults_when("{\"n\": [1, \"x\"], \"s\": [\"a\",\n 2], \"o\": [{}, 3]}",
                    [](Reader& reader) {
                      CHECK(reader.numbers("n") == std::vector<double>{1});
                      CHECK(reader.strings("s") == std::vector<std::string>{"a"});
                      CHECK(reader.objects("o").size() == 2);
                    }) ==
        "chat.json:1:11: /n/1: expected a number, found the string \"x\"\n"
        "chat.json:2:2: /s/1: expected a string, found 2\n"
        "chat.json:2:16: /o/1: expected an object, found 3; write { ... }\n");
}

TEST_CASE("a document that is no object is one fault") {
  CHECK(faults_when("[1]", [](Reader& reader) {
          CHECK(reader.string("name").empty());
          CHECK(reader.integer("tp", {}, 3) == 3);
          (void)reader.object("slo").integer("x");
          reader.finish();
        }) == "chat.json:1:1: expected an object, found an array; write { ... }\n");
}

TEST_CASE("own faults stand at their key, or at the object") {
  CHECK(faults_when("{\"slo\": {\n \"a/b~c\": 3}}",
                    [](Reader& reader) {
                      Reader slo = reader.object("slo");
                      slo.fault("a/b~c", "3 does not divide 64", "use 1, 2 or 4");
                      slo.fault("", "the limits contradict each other");
                      CHECK(slo.has("a/b~c"));
                      slo.finish();
                    }) ==
        "chat.json:2:2: /slo/a~1b~0c: 3 does not divide 64; use 1, 2 or 4\n"
        "chat.json:1:2: /slo: the limits contradict each other\n");
}

TEST_CASE("all faults of a file come in one pass") {
  const Json json = parsed(R"({"tp": 0, "mode": "chunkd", "memory": 80, "tfft": 1, "tp": 2})");
  Diagnostics faults;
  Reader reader(json, "chat.json", faults);
  (void)reader.integer("tp", {.min = 1});
  (void)reader.choice("mode", {"chunked"});
  (void)reader.bytes("memory");
  (void)reader.string("name");
  (void)reader.seconds("ttft", eph::Seconds{1});
  reader.finish();
  CHECK(faults.errors().size() == 6);
  CHECK(&reader.diagnostics() == &faults);
  CHECK(reader.file() == "chat.json");
}
