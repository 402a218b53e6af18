#include "scenario/parse.h"

#include <catch2/catch.hpp>

#include "core/line_source.h"
#include "scenario/engine_options.h"

using namespace eph;
using namespace eph::scenario;

namespace {

Result<Scenario> parse(std::string_view text, const std::string& file = "chat.json") {
  const auto json = parse_json(text, file);
  REQUIRE(json);
  return parse_scenario(*json, file);
}

std::string fault(std::string_view text) {
  const auto scenario = parse(text);
  REQUIRE_FALSE(scenario);
  CHECK(scenario.error().kind == ErrorKind::usage);
  return scenario.error().text();
}

}  // namespace

TEST_CASE("a scenario file fills the plain structs") {
  const auto s = parse(R"({
    // what we run today
    "version": 1,
    "deployment": {"model": "meta-llama/Llama-3.1-8B-Instruct", "engine": "sglang", "tp": 2, "replicas": 8,
                   "router": "round-robin", "max_num_seqs": 256},
    "workload": {"trace": "traces/conv.csv", "rate_scale": 20, "from": "0 s", "to": "10 min"},
    "slos": ["p95_ttft=500ms", "p95_tpot=30ms"],
    "seed": 3, "runs": 5, "horizon": "2 h"
  })",
                       "scenarios/chat.json");
  REQUIRE(s);
  CHECK(s->deployment.engine == "sglang");
  CHECK(s->deployment.layout.tensor == 2);
  CHECK(s->deployment.replicas == 8);
  CHECK(s->deployment.max_num_seqs == 256);
  CHECK(s->workload.trace == "scenarios/traces/conv.csv");
  CHECK(s->workload.rate_scale == 20);
  CHECK(s->workload.to_s == 600);
  CHECK(s->slos.size() == 2);
  CHECK(s->seed == 3);
  CHECK(s->runs == 5);
  CHECK(s->horizon_s == 7200);
}

TEST_CASE("paths count from the folder of the file, names stay names") {
  const auto s =
      parse(R"({"version": 1, "deployment": {"model": "../m/config.json", "profile": "p.json"},
                           "workload": {"model": "azure-conv-2023"}})",
            "a/b/s.json");
  REQUIRE(s);
  CHECK(s->deployment.model == "a/m/config.json");
  CHECK(s->deployment.profile == "a/b/p.json");
  CHECK(s->workload.model == "azure-conv-2023");
}

TEST_CASE("all faults of a file are reported in one pass, with line and pointer") {
  const auto json = parse_json(R"({
  "version": 1,
  "deployment": {"model": "m", "tp": 0, "engin": "vllm"},
  "workload": {"model": "azure-conv-2023", "to": 600},
  "slos": ["p95_tfft=500ms"]
})",
                               "chat.json");
  REQUIRE(json);
  const auto s = parse_scenario(*json, "chat.json");
  REQUIRE_FALSE(s);
  const std::string text = s.error().text();
  CAPTURE(text);
  CHECK(text.find("chat.json:3:") != std::string::npos);
  CHECK(text.find("/deployment/tp: 0 is out of range; use 1 to 1024") != std::string::npos);
  CHECK(text.find("/deployment/engin: unknown key; did you mean \"engine\"?") != std::string::npos);
  CHECK(text.find("/workload/to: 600 has no unit") != std::string::npos);
  CHECK(text.find("chat.json:5:") != std::string::npos);
  CHECK(text.find("/slos: ") != std::string::npos);
}

TEST_CASE("a scenario needs a model and one source of requests") {
  CHECK(fault(R"({"version": 1, "workload": {"model": "azure-conv-2023"}})") ==
        "chat.json: /deployment/model: no language model is given; add \"model\"");
  CHECK(fault(R"({"version": 1, "deployment": {"model": "m"}})") ==
        "chat.json: /workload/trace: no requests are given; add \"trace\", \"model\" or "
        "\"arrivals\"");
  CHECK(
      fault(
          R"({"version": 1, "deployment": {"model": "m"}, "workload": {"trace": "t", "model": "w"}})")
          .find(
              "/workload/model: contradicts \"trace\": requests come from one source; give one of "
              "the two") != std::string::npos);
}

TEST_CASE("a key without effect is a fault") {
  const auto with = [](std::string_view workload) {
    return fmt::format(R"({{"version": 1, "deployment": {{"model": "m"}}, "workload": {}}})",
                       workload);
  };
  CHECK(fault(with(R"({"synthetic": {"requests": 5, "cv": 2}})"))
            .ends_with("/workload/synthetic/cv: has no effect on poisson arrivals; choose "
                       "\"arrivals\" gamma"));
  CHECK(
      fault(
          with(
              R"({"synthetic": {"arrivals": "closed", "concurrency": 4, "rate": 3, "requests": 5}})"))
          .ends_with("/workload/synthetic/rate: has no effect on closed arrivals; give "
                     "\"concurrency\", or "
                     "choose \"arrivals\" poisson"));
  CHECK(fault(with(R"({"synthetic": {"requests": 5}, "rate_scale": 2})"))
            .ends_with("/workload/rate_scale: has no effect on synthetic arrivals; set \"rate\", "
                       "\"requests\" or "
                       "the lengths instead"));
  CHECK(
      fault(with(R"({"model": "w", "rate_mode": "compress"})"))
          .ends_with(
              "/workload/rate_mode: has no effect without a rate scale; give \"rate_scale\" too"));
  CHECK(fault(with(R"({"synthetic": {}})")).find("synthetic arrivals have no end") !=
        std::string::npos);
}

TEST_CASE("a part of a scenario may leave out what flags will give") {
  const auto json = parse_json(R"({"version": 1, "deployment": {"tp": 2}})", "part.json");
  REQUIRE(json);
  const auto part = parse_scenario_part(*json, "part.json");
  REQUIRE(part);
  CHECK(part->given == Given{"deployment/tp"});
}

TEST_CASE("the shipped schema and documentation are what the field table says") {
  const auto schema = read_file(EPH_SOURCE_DIR "/data/schema/scenario.schema.json");
  REQUIRE(schema);
  CHECK(*schema ==
        scenario_schema().dump() + "\n");  // ephemeris schema > data/schema/scenario.schema.json
  const auto text = read_file(EPH_SOURCE_DIR "/docs/SCENARIO.md");
  REQUIRE(text);
  CHECK(*text == scenario_markdown());  // ephemeris schema --markdown > docs/SCENARIO.md
}

TEST_CASE("the schema names every key that the reader takes") {
  const Json schema = scenario_schema();
  for (const char* path :
       {"properties/version", "properties/slos", "properties/deployment/properties/tp",
        "properties/workload/properties/trace",
        "properties/workload/properties/synthetic/properties/cv"}) {
    INFO(path);
    CHECK(schema.at_path(path) != nullptr);
  }
}

namespace {

// The second pool of a file whose deployment runs vLLM with options.
ScenarioFile with_pool(const std::string& pool) {
  const auto json = parse_json(R"({"version": 1, "deployment": {"model": "m", "max_model_len": 4096,
      "engine_version": "0.19.0", "memory_fraction": 0.8,
      "engine_options": {"max_num_seqs": 64, "num_speculative_tokens": 3, "speculative_method": "ngram"}},
      "pools": [)" + pool + "]}",
                               "pools.json");
  REQUIRE(json);
  auto part = parse_scenario_part(*json, "pools.json");
  CAPTURE(part ? "" : part.error().text());
  REQUIRE(part);
  return std::move(*part);
}

std::string options(const PoolSpec& pool) {
  std::string out;
  for (const EngineSetting& s : pool.deployment.engine_options) out += s.name + "=" + s.value + ";";
  return out;
}

}  // namespace

TEST_CASE("a pool of the same engine takes the deployment's engine options over one by one") {
  const PoolSpec same =
      with_pool(R"({"name": "b", "engine_options": {"max_num_seqs": 8}})").scenario.pools[0];
  CHECK(options(same) == "num_speculative_tokens=3;speculative_method=ngram;max_num_seqs=8;");
  CHECK(same.deployment.engine_version == "0.19.0");
  CHECK(same.left_out.empty());
  // A key that sets the same replaces the option, an option the key.
  const PoolSpec key = with_pool(R"({"max_num_seqs": 8})").scenario.pools[0];
  CHECK(options(key) == "num_speculative_tokens=3;speculative_method=ngram;");
  CHECK(key.deployment.max_num_seqs == 8);
  const PoolSpec option =
      with_pool(R"({"engine_options": {"gpu_memory_utilization": 0.5}})").scenario.pools[0];
  CHECK_FALSE(option.deployment.memory_fraction);
  CHECK(with_engine_options(option.deployment)->memory_fraction == 0.5);
}

TEST_CASE("a pool of another engine takes none of the engine's own over, and that is known") {
  const PoolSpec other = with_pool(R"({"engine": "sglang"})").scenario.pools[0];
  CHECK(options(other).empty());
  CHECK(other.deployment.engine_version.empty());
  CHECK(other.deployment.max_model_len == 4096);
  CHECK(other.left_out == std::vector<std::string>{"engine_version", "max_num_seqs",
                                                   "num_speculative_tokens", "speculative_method"});
  const PoolSpec own =
      with_pool(R"({"engine": "sglang", "engine_version": "0.5.10", "engine_options": {}})")
          .scenario.pools[0];
  CHECK(own.left_out.empty());
  CHECK(own.deployment.engine_version == "0.5.10");
}
