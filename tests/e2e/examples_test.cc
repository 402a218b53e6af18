// Every scenario file of examples/ runs; what it prints is checked for plausibility, not for
// digits.
#include <catch2/catch.hpp>

#include <filesystem>

#include "core/json_doc.h"
#include "tests/e2e/run.h"

using namespace eph;
using namespace eph::test;

namespace {

std::string example(const std::string& name) { return EPH_SOURCE_DIR "/examples/" + name; }

Json run(const std::string& name) {
  const Finished done = ephemeris({"simulate", example(name), "--json"});
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  auto json = parse_json(done.out, name);
  REQUIRE(json);
  const Json* counts = json->at_path("runs/0/counts");
  REQUIRE(counts != nullptr);
  CHECK(counts->find("finished")->as_int() > 0);
  CHECK(counts->find("arrived")->as_int() == counts->find("finished")->as_int() +
                                                 counts->find("rejected")->as_int() +
                                                 counts->find("unfinished")->as_int());
  return *json;
}

}  // namespace

TEST_CASE("the tests below cover every example") {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(EPH_SOURCE_DIR "/examples")) {
    files += entry.path().extension() == ".json" ? 1 : 0;
  }
  CHECK(files == 3);
}

TEST_CASE("example: one replica under conversation traffic") {
  const Json json = run("single-replica.json");
  CHECK(json.at_path("deployment/replicas")->as_int() == 1);
  CHECK(json.at_path("runs/0/saturated")->as_bool() == false);
}

TEST_CASE("example: eight replicas under ten times the traffic") {
  const Json json = run("eight-replicas.json");
  CHECK(json.at_path("deployment/replicas")->as_int() == 8);
}

TEST_CASE("example: a synthetic closed loop") {
  const Json json = run("closed-loop.json");
  CHECK(json.at_path("runs/0/mean_running")->as_double() <= 64);
}
