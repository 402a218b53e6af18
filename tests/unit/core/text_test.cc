#include "core/text.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>

#include "core/rng.h"

using Catch::WithinRel;
using Words = std::vector<std::string>;

TEST_CASE("integers are read whole or not at all") {
  CHECK(eph::parse_int("0") == 0);
  CHECK(eph::parse_int("-42") == -42);
  CHECK(eph::parse_int("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
  CHECK(eph::parse_int("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
  const auto* bad = GENERATE("", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "-", "one",
                             "9223372036854775808", "1,000");
  CAPTURE(bad);
  CHECK_FALSE(eph::parse_int(bad));
}

TEST_CASE("numbers are read whole or not at all") {
  CHECK(eph::parse_double("1.5") == 1.5);
  CHECK(eph::parse_double("-2e3") == -2000);
  CHECK(eph::parse_double("1e-7") == 1e-7);
  const auto* bad = GENERATE("", "+1", " 1", "1 ", "1,5", "1.5x", "0x10", "inf", "nan", "-inf",
                             "Infinity", "1e999", "e5", ".");
  CAPTURE(bad);
  CHECK_FALSE(eph::parse_double(bad));
}

TEST_CASE("infinity and NaN are read on request only") {
  CHECK(eph::parse_double("inf", true) == std::numeric_limits<double>::infinity());
  CHECK(eph::parse_double("-inf", true) == -std::numeric_limits<double>::infinity());
  REQUIRE(eph::parse_double("nan", true));
  CHECK(std::isnan(*eph::parse_double("nan", true)));
}

TEST_CASE("times are read in seconds, exactly where decimal fractions allow") {
  CHECK(eph::parse_seconds("500 ms")->value == 0.5);
  CHECK(eph::parse_seconds("3ms")->value == 0.003);
  CHECK(eph::parse_seconds("7 us")->value == 7e-6);
  CHECK(eph::parse_seconds("250ns")->value == 250e-9);
  CHECK(eph::parse_seconds("1.5h")->value == 5400);
  CHECK(eph::parse_seconds(" 2 min ")->value == 120);
  CHECK(eph::parse_seconds("1 d")->value == 86400);
  CHECK(eph::parse_seconds("0 s")->value == 0);
  CHECK(eph::parse_seconds("1e3s")->value == 1000);
}

TEST_CASE("bytes are decimal or binary by their unit") {
  CHECK(eph::parse_bytes("80 GiB")->value == 80LL << 30);
  CHECK(eph::parse_bytes("80 GB")->value == 80'000'000'000);
  CHECK(eph::parse_bytes("1.5 KiB")->value == 1536);
  CHECK(eph::parse_bytes("141GB")->value == 141'000'000'000);
  CHECK(eph::parse_bytes("512 B")->value == 512);
  CHECK(eph::parse_bytes("0.25 TiB")->value == 1LL << 38);
  CHECK_FALSE(eph::parse_bytes("9e12 TB"));
}

TEST_CASE("rates tell bits from bytes") {
  CHECK(eph::parse_bandwidth("3.35 TB/s")->value == 3.35e12);
  CHECK(eph::parse_bandwidth("400 Gb/s")->value == 50e9);
  CHECK(eph::parse_bandwidth("1 GiB/s")->value == 0x1p30);
  CHECK(eph::parse_bandwidth("8 b/s")->value == 1);
  CHECK(eph::parse_flops("989 TFLOPS")->value == 989e12);
  CHECK(eph::parse_flops("1.979PFLOPS")->value == 1.979e15);
  CHECK(eph::parse_flops("5 FLOPS")->value == 5);
}

TEST_CASE("prices are read in both spellings") {
  CHECK(eph::parse_usd_per_hour("2.50 USD/h")->value == 2.5);
  CHECK(eph::parse_usd_per_hour("$2.50/h")->value == 2.5);
  CHECK(eph::parse_usd_per_hour("$12/h")->value == 12);
  const auto bad = eph::parse_usd_per_hour("$x/h");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().text() ==
        "\"$x/h\" is not a price; write it like \"2.50 USD/h\" (units: USD/h)");
}

TEST_CASE("a quantity without a known unit is refused with the units that are") {
  const auto time = eph::parse_seconds("500");
  REQUIRE_FALSE(time);
  CHECK(time.error().text() ==
        "\"500\" is not a time; write it like \"500 ms\" (units: ns us ms s min h d)");
  const auto bytes = eph::parse_bytes("80 GIB");
  REQUIRE_FALSE(bytes);
  CHECK(bytes.error().text() ==
        "\"80 GIB\" is not a number of bytes; write it like \"80 GiB\" "
        "(units: B kB MB GB TB KiB MiB GiB TiB)");
  const auto* bad =
      GENERATE("", "ms", "five s", "5 s s", "5 sec", "1,5 s", "inf s", "nan s", "5S", "+5 s");
  CAPTURE(bad);
  CHECK_FALSE(eph::parse_seconds(bad));
}

TEST_CASE("a negative quantity is refused") {
  const auto time = eph::parse_seconds("-5 ms");
  REQUIRE_FALSE(time);
  CHECK(time.error().text() == "\"-5 ms\" is negative; use a value of 0 or more");
  CHECK_FALSE(eph::parse_usd_per_hour("$-2/h"));
  CHECK_FALSE(eph::parse_bytes("-0 B"));
}

TEST_CASE("likely typos find their word") {
  const Words names{"ttft", "tpot", "tensor_parallel", "seed"};
  CHECK(eph::did_you_mean("tfft", names) == "ttft");                      // one substitution
  CHECK(eph::did_you_mean("tptf", Words{"tpft"}) == "tpft");              // one swap
  CHECK(eph::did_you_mean("TTFT", names) == "ttft");                      // case
  CHECK(eph::did_you_mean("tensorparalel", names) == "tensor_parallel");  // two edits in 13 letters
  CHECK(eph::did_you_mean("sed", names) == "seed");
}

TEST_CASE("unlike words are not suggested") {
  const Words names{"ttft", "x"};
  CHECK_FALSE(eph::did_you_mean("router", names));
  CHECK_FALSE(eph::did_you_mean("y", names));
  CHECK_FALSE(eph::did_you_mean("abft", names));  // two edits in four letters
  CHECK_FALSE(eph::did_you_mean("ttft", Words{}));
}

TEST_CASE("the first of equally near words is suggested") {
  CHECK(eph::did_you_mean("cat", Words{"bat", "car"}) == "bat");
}

TEST_CASE("a suggestion is one likely word or the list of all") {
  CHECK(eph::suggest("tfft", Words{"ttft", "tpot"}) == "did you mean \"ttft\"?");
  CHECK(eph::suggest("router", Words{"a", "b"}) == "one of: a, b");
  CHECK(eph::suggest("router", Words{}).empty());
  Words many;
  for (int i = 0; i < 13; ++i) many.push_back("name" + std::to_string(i));
  CHECK(eph::suggest("router", many) ==
        "one of: name0, name1, name2, name3, name4, name5, name6, name7, name8, name9, name10, "
        "name11, ...");
}

TEST_CASE("trim, split and to_lower") {
  CHECK(eph::trim(" \t a b \r\n") == "a b");
  CHECK(eph::trim("   ").empty());
  CHECK(eph::split("a,,b", ',') == std::vector<std::string_view>{"a", "", "b"});
  CHECK(eph::split("", ',') == std::vector<std::string_view>{""});
  CHECK(eph::to_lower("Llama-3 70B") == "llama-3 70b");
}

TEST_CASE("numbers are written in the shortest form that reads back") {
  CHECK(eph::number(0.1) == "0.1");
  CHECK(eph::number(1e30) == "1e+30");
  CHECK(eph::number(3) == "3");
  CHECK(eph::number(-0.5) == "-0.5");
  CHECK(eph::number(1.0 / 3) == "0.3333333333333333");
  eph::Stream stream({.seed = 6});
  for (int i = 0; i < 20000; ++i) {
    const auto value = std::bit_cast<double>(stream.next());
    if (!std::isfinite(value) || !std::isnormal(value)) continue;
    const auto back = eph::parse_double(eph::number(value));
    REQUIRE(back);
    REQUIRE(*back == value);
  }
}
