#include <catch2/catch.hpp>

#include "core/csv.h"
#include "core/digest.h"
#include "core/distributions.h"
#include "core/histogram.h"
#include "core/ids.h"
#include "core/json_doc.h"
#include "core/line_source.h"
#include "core/reader.h"
#include "core/rng.h"
#include "core/stats.h"
#include "core/text.h"
#include "core/time.h"
#include "core/version.h"

TEST_CASE("Philox zero") {
  const auto b = eph::philox4x32({0, 0, 0, 0}, {0, 0});
  CHECK(b[0] == 0x6627e8d5U);
}
TEST_CASE("smoke parse") {
  const auto j = eph::parse_json(
      "{\n  \"slo\": {\n    \"tfft\": \"500 ms\" // c\n}, \"n\":[1,2.5,\n  NaN ,-3]}", "chat.json",
      {true});
  REQUIRE(j.has_value());
  UNSCOPED_INFO(j->dump());
  CHECK(j->at_path("n/2")->line() == 5);
  CHECK(j->at_path("n/2")->column() == 3);
  CHECK(j->at_path("n/3")->column() == 8);
  eph::Diagnostics d;
  eph::Reader r(*j, "chat.json", d);
  auto s = r.object("slo");
  (void)s.seconds("ttft", eph::Seconds{1});
  s.finish();
  (void)r.numbers("n");
  r.finish();
  REQUIRE(!d.ok());
  CHECK(d.combined().text() == "chat.json:3:5: /slo/tfft: unknown key; did you mean \"ttft\"?");
}
TEST_CASE("smoke lines") {
  const std::string p = std::string(EPH_TEST_OUT) + "/smoke.txt";
  REQUIRE(eph::write_file(p, "a\nbb\r\nccc"));
  auto s = eph::LineSource::open(p);
  REQUIRE(s);
  std::string_view l;
  REQUIRE(*s->next(l));
  CHECK(l == "a");
  REQUIRE(*s->next(l));
  CHECK(l == "bb");
  REQUIRE(*s->next(l));
  CHECK(l == "ccc");
  REQUIRE(!*s->next(l));
  CHECK(eph::read_file(p).value() == "a\nbb\r\nccc");
}
