#include "models/linear_model.h"

#include <catch2/catch.hpp>

#include "core/line_source.h"
#include "models/step_profile.h"
#include "tests/unit/stepmodel/specs.h"

using namespace eph;
using namespace eph::models;
using namespace eph::models::test;

namespace {

Result<LinearProfile> parse(const std::string& text) {
  return read_linear_profile(*parse_json(text, "hand.json"), "hand.json");
}

const std::string kPlain =
    R"("form": "linear", "t0_ms": 5, "us_per_prefill_token": 40, "us_per_decode_sequence": 10, "ns_per_kv_token": 1.5)";

}  // namespace

TEST_CASE("the linear form adds its four parts") {
  const auto profile = parse("{" + kPlain + "}");
  REQUIRE(profile);
  CHECK_FALSE(profile->async_scheduling);
  CHECK(profile->front_end.client_in_s == 0);
  const LinearStepModel model(*profile);
  BatchShape s = decode(20, 1000);
  s.add_chunk(100, 50, true);
  // 5 ms + 100 x 40 us + 20 x 10 us + 20,000 x 1.5 ns = 9.23 ms.
  CHECK(model.seconds(s) == Approx(9.23e-3));
  CHECK(model.explain(s).total == model.seconds(s));
  CHECK(model.seconds(BatchShape{}) == 0);
}

TEST_CASE("a linear profile may say how it schedules and what its front end costs") {
  const auto profile = parse(
      "{" + kPlain +
      R"(, "async_scheduling": true, "front_end": {"client_in": "2 ms", "output_token": "36 us"}})");
  REQUIRE(profile);
  CHECK(profile->async_scheduling);
  CHECK(profile->front_end.client_in_s == Approx(2e-3));
  CHECK(profile->front_end.output_token_s == Approx(36e-6));
  CHECK(profile->front_end.client_out_s == 0);
}

TEST_CASE("every fault of a linear profile is told") {
  const auto profile = parse(
      R"({"form": "linear", "t0_ms": -1, "us_per_prefill_tokens": 40, "us_per_decode_sequence": 10, "ns_per_kv_token": 1.5})");
  REQUIRE_FALSE(profile);
  const std::string text = profile.error().text();
  CHECK_THAT(text, Catch::Contains("/t0_ms"));
  CHECK_THAT(text, Catch::Contains("us_per_prefill_tokens"));
  CHECK_FALSE(parse(
      R"({"form": "linear", "t0_ms": 0, "us_per_prefill_token": 0, "us_per_decode_sequence": 10, "ns_per_kv_token": 0})"));
}

TEST_CASE("the loader tells the forms apart") {
  const std::string path = std::string(EPH_TEST_OUT) + "/linear_profile.json";
  REQUIRE(write_file(path, "{" + kPlain + "}"));
  const auto linear = load_step_profile(path);
  REQUIRE(linear);
  CHECK(std::holds_alternative<LinearProfile>(*linear));

  REQUIRE(write_file(path, to_json(EngineProfile{}).dump()));
  const auto fitted = load_step_profile(path);
  REQUIRE(fitted);
  CHECK(std::holds_alternative<EngineProfile>(*fitted));

  REQUIRE(write_file(path, R"({"form": "cubic"})"));
  const auto unknown = load_step_profile(path);
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().kind == ErrorKind::usage);
  CHECK_THAT(unknown.error().text(), Catch::Contains("cubic"));

  const auto missing = load_step_profile(path + ".absent");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == ErrorKind::io);
}
