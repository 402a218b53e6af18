#include <catch2/catch.hpp>

#include "core/json_doc.h"
#include "tests/e2e/run.h"

using namespace eph;
using namespace eph::test;

namespace {

// 600 requests, two a second, prompts of 1..100 tokens, outputs of 10.
std::string small_trace() {
  std::string text = "arrival_s,prompt_tokens,output_tokens\n";
  for (int i = 0; i < 600; ++i) {
    text += std::to_string(i / 2.0) + "," + std::to_string(i % 100 + 1) + ",10\n";
  }
  return spill_out("small.csv", text);
}

}  // namespace

TEST_CASE("a trace is described for people and for machines") {
  const std::string path = small_trace();
  const Finished text = ephemeris({"workload", "describe", path});
  CAPTURE(text.err);
  CHECK(text.code == 0);
  CHECK(text.out.find("600") != std::string::npos);
  const Finished json = ephemeris({"workload", "describe", path, "--json"});
  CHECK(json.code == 0);
  const auto parsed = parse_json(json.out, "stdout");
  REQUIRE(parsed);
  CHECK(parsed->find("requests")->as_int() == 600);
}

TEST_CASE("transforms apply to a description") {
  const Finished json =
      ephemeris({"workload", "describe", small_trace(), "--window", "0:10", "--json"});
  const auto parsed = parse_json(json.out, "stdout");
  REQUIRE(parsed);
  CHECK(parsed->find("requests")->as_int() == 20);
}

TEST_CASE("a fitted workload model can be simulated") {
  const std::string model = out_path("fitted_workload.json");
  const Finished fit = ephemeris({"workload", "fit", small_trace(), "--out", model, "--name",
                                  "small", "--source", "made up for a test"});
  CAPTURE(fit.err);
  REQUIRE(fit.code == 0);
  const Finished run =
      ephemeris(on_linear({"--workload", model, "--max-requests", "50", "--json"}));
  CAPTURE(run.err);
  REQUIRE(run.code == 0);
  const auto parsed = parse_json(run.out, "stdout");
  REQUIRE(parsed);
  CHECK(parsed->at_path("runs/0/counts/finished")->as_int() == 50);
}
