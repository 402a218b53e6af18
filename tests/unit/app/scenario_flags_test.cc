#include "app/scenario_flags.h"

#include <catch2/catch.hpp>

#include "core/line_source.h"

using namespace eph;
using namespace eph::app;

namespace {

CommandSpec spec_of(const FlagUse& use) {
  return {"simulate", "", "", "", {"x"}, scenario_options(use), 1};
}

Result<GatheredScenario> gather(const std::vector<std::string>& words, const FlagUse& use = {}) {
  const auto arguments = parse_arguments(spec_of(use), words);
  REQUIRE(arguments);
  return gather_scenario(*arguments, use);
}

std::string error_of(const std::vector<std::string>& words, const FlagUse& use = {}) {
  const auto found = gather(words, use);
  REQUIRE_FALSE(found);
  return found.error().text();
}

std::string write(const std::string& name, std::string_view text) {
  const std::string path = std::string(EPH_TEST_OUT) + "/" + name;
  REQUIRE(write_file(path, text));
  return path;
}

}  // namespace

TEST_CASE("flags alone make a scenario") {
  const auto s = gather({"--model", "m", "--trace", "t.csv", "--window", "60:2min", "--rate-scale",
                         "3", "--slo", "p95_ttft=500ms", "--slo", "p95_tpot=30ms"});
  REQUIRE(s);
  CHECK(s->scenario.workload.from_s == 60);
  CHECK(s->scenario.workload.to_s == 120);
  CHECK(s->scenario.workload.rate_scale == 3);
  CHECK(s->scenario.slos.size() == 2);
  REQUIRE(s->deployments.size() == 1);
  CHECK(s->deployments[0].model == "m");
}

TEST_CASE("flags replace what the file says") {
  const std::string path = write("flags.json", R"({"version": 1,
    "deployment": {"model": "m", "tp": 2, "memory_fraction": 0.8},
    "workload": {"synthetic": {"rate": 5, "requests": 100}}, "slos": "p95_ttft=1s", "seed": 9})");
  const auto s =
      gather({path, "--tp", "4", "--kv-blocks", "1000", "--duration", "20", "--slo", "p50_e2e=2s"});
  REQUIRE(s);
  CHECK(s->scenario.deployment.layout.tensor == 4);
  CHECK(s->scenario.deployment.kv_blocks == 1000);
  CHECK_FALSE(s->scenario.deployment.memory_fraction);
  CHECK(s->scenario.workload.synthetic->rate == 5);
  CHECK(s->scenario.workload.synthetic->requests == 0);
  CHECK(s->scenario.workload.synthetic->duration_s == 20);
  REQUIRE(s->scenario.slos.size() == 1);
  CHECK(s->scenario.slos[0].latency == sim::Latency::e2e);
  CHECK(s->scenario.seed == 9);
}

TEST_CASE("another source of requests replaces the file's workload") {
  const std::string path = write("source.json", R"({"version": 1, "deployment": {"model": "m"},
    "workload": {"model": "azure-conv-2023", "rate_scale": 4}})");
  const auto trace = gather({"--scenario", path, "--trace", "t.csv"});
  REQUIRE(trace);
  CHECK(trace->scenario.workload.model.empty());
  CHECK(trace->scenario.workload.rate_scale == 4);
  const auto synthetic = gather({path, "--rate", "3", "--requests", "10"});
  REQUIRE(synthetic);
  CHECK(synthetic->scenario.workload.model.empty());
  CHECK(synthetic->scenario.workload.rate_scale == 1);
}

TEST_CASE("lists make one deployment per combination") {
  FlagUse use;
  use.lists = {"engine", "tp"};
  const auto s = gather({"--model", "m", "--workload", "w", "--engine", "vllm,sglang", "--tp", "1",
                         "--tp", "2", "--chunk-tokens", "4096"},
                        use);
  REQUIRE(s);
  REQUIRE(s->deployments.size() == 4);
  CHECK(s->deployments[0].engine == "vllm");
  CHECK(s->deployments[1].layout.tensor == 2);
  CHECK_FALSE(s->deployments[0].chunk_tokens);  // no such thing there
  CHECK(s->deployments[3].engine == "sglang");
  CHECK(s->deployments[3].chunk_tokens == 4096);
}

TEST_CASE("flags that contradict each other or have no effect are errors that name them") {
  const std::vector<std::string> base{"--model", "m", "--requests", "5"};
  const auto with = [&base](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return error_of(more);
  };
  CHECK(with({"--cv", "2"}) == "--cv: has no effect on poisson arrivals; choose --arrivals gamma");
  CHECK(with({"--concurrency", "2"}) ==
        "--concurrency: has no effect on poisson arrivals; choose --arrivals closed");
  CHECK(with({"--arrivals", "closed"}) == "closed arrivals need a concurrency; add --concurrency");
  CHECK(with({"--trace", "t.csv"}) ==
        "--requests: contradicts --trace: requests come from one source; give one of the two");
  CHECK(with({"--rate-scale", "2"}) ==
        "--rate-scale: has no effect on synthetic arrivals; set --rate, --requests or the lengths "
        "instead");
  CHECK(with({"--window", "0:5"}) ==
        "--window: has no effect on synthetic arrivals; set --rate, --requests or the lengths "
        "instead");
  CHECK(with({"--duration", "5"}) ==
        "--duration: contradicts --requests: each says when to stop; give one of the two");
  CHECK(with({"--kv-blocks", "9", "--memory-fraction", "0.5"}) ==
        "--memory-fraction: contradicts --kv-blocks: the number of blocks needs no memory rule; "
        "give one of the "
        "two");
  CHECK(with({"--chunk-tokens", "9"}) ==
        "--chunk-tokens: has no effect on vllm; set --max-num-batched-tokens");
  CHECK(error_of({"--model", "m"}) ==
        "no requests are given; add --trace, --workload or --arrivals");
  CHECK(error_of({"--trace", "t"}) == "no language model is given; add --model");
  CHECK(error_of({"--model", "m", "--trace", "t", "--window", "5"}) ==
        "--window: \"5\" has no start and end; write --window FROM:TO, as in 0:600 or 10min:20min");
  CHECK(error_of({"--model", "m", "--trace", "t", "--window", "9:5"}) ==
        "--window: the window from 9 s to 5 s is empty; let it end after its start");
}

TEST_CASE("all wrong values are reported at once") {
  CHECK(error_of({"--model", "m", "--trace", "t", "--tp", "x", "--seed", "-1"}) ==
        "--seed: -1 is out of range; use 0 to 9007199254740992\n--tp: \"x\" is not a whole number");
}
