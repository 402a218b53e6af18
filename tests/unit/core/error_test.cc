#include "core/error.h"

#include <catch2/catch.hpp>

#include "core/result.h"

using eph::Error;
using eph::ErrorKind;
using eph::Result;

TEST_CASE("an error's text leaves out what is not known") {
  Error error{ErrorKind::usage, {"chat.json", 22, 5, "/slo/tfft"}, "unknown key", "remove it"};
  CHECK(error.text() == "chat.json:22:5: /slo/tfft: unknown key; remove it");
  error.remedy.clear();
  CHECK(error.text() == "chat.json:22:5: /slo/tfft: unknown key");
  error.place.column = 0;
  CHECK(error.text() == "chat.json:22: /slo/tfft: unknown key");
  error.place.pointer.clear();
  CHECK(error.text() == "chat.json:22: unknown key");
  error.place.file.clear();
  CHECK(error.text() == "line 22: unknown key");
  error.place.line = 0;
  CHECK(error.text() == "unknown key");
}

TEST_CASE("the makers of errors set kind and place") {
  CHECK(eph::usage_error("no such option").kind == ErrorKind::usage);
  CHECK(eph::infeasible_error("nothing fits").kind == ErrorKind::infeasible);
  CHECK(eph::io_error("a.gz", "truncated", "fetch it again").text() ==
        "a.gz: truncated; fetch it again");
  CHECK(eph::io_error("a.gz", "truncated").kind == ErrorKind::io);
  CHECK(eph::row_error("t.csv", 7, "bad row").text() == "t.csv:7: bad row");
  CHECK(eph::row_error("t.csv", 7, "bad row").kind == ErrorKind::usage);
}

TEST_CASE("diagnostics keep every fault in the order found") {
  eph::Diagnostics faults;
  CHECK(faults.ok());
  faults.add(eph::io_error("a", "first"));
  CHECK(faults.combined().text() == "a: first");
  faults.add(eph::row_error("b", 2, "second"));
  CHECK_FALSE(faults.ok());
  CHECK(faults.errors().size() == 2);
  CHECK(faults.combined().text() == "a: first\nb:2: second");
  CHECK(faults.combined().kind == ErrorKind::io);
}

TEST_CASE("a result holds a value or an error") {
  Result<std::string> value = std::string("x");
  REQUIRE(value);
  CHECK(*value == "x");
  CHECK(value->size() == 1);
  const Result<std::string> error = eph::usage_error("broken");
  REQUIRE_FALSE(error.has_value());
  CHECK(error.error().what == "broken");
  const Result<void> success;
  CHECK(success.has_value());
  const Result<void> failure = eph::usage_error("broken");
  CHECK_FALSE(failure.has_value());
  CHECK(failure.error().what == "broken");
}

TEST_CASE("asking a result for what it does not hold is our own bug") {
  const Result<int> value = 1;
  const Result<int> error = eph::usage_error("broken");
  CHECK_THROWS_AS(value.error(), eph::InternalError);
  CHECK_THROWS_AS(error.value(), eph::InternalError);
  CHECK_THROWS_AS(Result<void>().error(), eph::InternalError);
  CHECK_THROWS_AS(eph::Diagnostics().combined(), eph::InternalError);
}

TEST_CASE("a failed assertion tells the place, the condition and the values") {
  const int used = 3;
  const int total = 2;
  const auto check_blocks = [&] { EPH_ASSERT(used <= total, "kv blocks: {} of {}", used, total); };
  CHECK_THROWS_WITH(check_blocks(),
                    Catch::StartsWith("core/error_test.cc:") &&
                        Catch::EndsWith(": `used <= total` does not hold: kv blocks: 3 of 2"));
}
