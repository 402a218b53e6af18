#include "scenario/fields.h"

#include <catch2/catch.hpp>

#include <set>

using namespace eph;
using namespace eph::scenario;

namespace {

std::string error_of(std::string_view id, std::string_view text) {
  const Field* field = find_field(id);
  REQUIRE(field != nullptr);
  const auto value = parse_value(*field, text);
  REQUIRE_FALSE(value);
  return value.error().text();
}

}  // namespace

TEST_CASE("every field has a unique id, a unique flag, a setter and help") {
  std::set<std::string> ids;
  std::set<std::string_view> flags;
  for (const Field& field : fields()) {
    INFO(field.id());
    CHECK(ids.insert(field.id()).second);
    if (!field.flag.empty()) CHECK(flags.insert(field.flag).second);
    CHECK(field.set != nullptr);
    CHECK_FALSE(field.help.empty());
    CHECK(find_field(field.id()) == &field);
    CHECK((field.kind == FieldKind::choice) == !field.choices.empty());
  }
}

TEST_CASE("setting a field through the table changes the member it names") {
  Scenario s;
  const auto set = [&s](std::string_view id, std::string_view text) {
    const Field& field = *find_field(id);
    const auto value = parse_value(field, text);
    REQUIRE(value);
    field.set(s, *value);
  };
  set("deployment/model", "m");
  set("deployment/tp", "4");
  set("deployment/router", "round-robin");
  set("deployment/kv_dtype", "fp8");
  set("deployment/kv_blocks", "27000");
  set("deployment/memory_fraction", "0.85");
  set("deployment/async_scheduling", "off");
  set("workload/rate_scale", "2.5");
  set("workload/from", "1.5min");
  set("workload/synthetic/duration", "20");
  set("slos", "p95_ttft=500ms,mean_tpot=30ms");
  set("seed", "7");
  CHECK(s.deployment.model == "m");
  CHECK(s.deployment.layout.tensor == 4);
  CHECK(s.deployment.router == sim::RouterKind::round_robin);
  CHECK(s.deployment.kv_precision == models::Precision::fp8);
  CHECK(s.deployment.kv_blocks == 27000);
  CHECK(s.deployment.memory_fraction == 0.85);
  CHECK(s.deployment.async_scheduling == false);
  CHECK(s.workload.rate_scale == 2.5);
  CHECK(s.workload.from_s == 90);
  REQUIRE(s.workload.synthetic);
  CHECK(s.workload.synthetic->duration_s == 20);
  REQUIRE(s.slos.size() == 2);
  CHECK(s.slos[0].limit.ms() == Approx(500));
  CHECK(s.seed == 7);
}

TEST_CASE("every choice of every field can be set") {
  for (const Field& field : fields()) {
    for (std::string_view choice : field.choices) {
      INFO(field.id() << " " << choice);
      Scenario s;
      s.pools.emplace_back();  // which the fields of pools are for
      const auto value = parse_value(field, choice);
      REQUIRE(value);
      CHECK_NOTHROW(field.set(s, *value));
    }
  }
}

TEST_CASE("a value out of range or of the wrong form says what is right") {
  CHECK(error_of("deployment/tp", "0") == "0 is out of range; use 1 to 1024");
  CHECK(error_of("deployment/tp", "two") == "\"two\" is not a whole number");
  CHECK(error_of("workload/rate_scale", "0") ==
        "0 is out of range; use above 0 and at most 1000000");
  CHECK(error_of("workload/rate_scale", "fast") == "\"fast\" is not a number");
  CHECK(error_of("deployment/engine", "vlm") == "\"vlm\" is not known; did you mean \"vllm\"?");
  CHECK(error_of("deployment/chunked_prefill", "yes") ==
        "\"yes\" is neither on nor off; write on or off");
  CHECK(error_of("deployment/model", "") == "is empty; give NAME");
}
