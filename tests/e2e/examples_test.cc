// Every scenario file of examples/ runs; what it prints is checked for plausibility, not for
// digits.
#include <catch2/catch.hpp>

#include <filesystem>

#include "core/json_doc.h"
#include "core/text.h"
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

// Words of a command line; quotes hold a word together.
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words(1);
  bool quoted = false;
  for (char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ' ' && !quoted) {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

}  // namespace

// Only those that need nothing but what is shipped, and not the plan of an hour at twenty times the
// rate.
TEST_CASE("the examples of --help run") {
  std::size_t ran = 0;
  for (const char* command : {"simulate", "workload describe", "catalog", "schema"}) {
    std::vector<std::string> words = words_of(command);
    words.push_back("--help");
    const std::string help = ephemeris(words).out;
    for (std::string_view line : split(help, '\n')) {
      const bool example =
          line.starts_with("  ephemeris ") && line.find(".csv") == std::string_view::npos;
      if (!example) continue;
      std::vector<std::string> run = words_of(line.substr(0, line.find(" >")).substr(12));
      for (std::string& word : run) {
        if (word.starts_with("examples/")) word = EPH_SOURCE_DIR "/" + word;
      }
      const Finished done = ephemeris(run);
      CAPTURE(line, done.err);
      CHECK(done.code == 0);
      CHECK_FALSE(done.out.empty());
      ++ran;
    }
  }
  CHECK(ran >= 6);
}

TEST_CASE("the tests below cover every example") {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(EPH_SOURCE_DIR "/examples")) {
    files += entry.path().extension() == ".json" ? 1 : 0;
  }
  CHECK(files == 15);
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

// The others change with their options in tests/e2e/fleet_test.cc.
TEST_CASE("example: a day under the HPA") {
  const Json json = run("hpa-day.json");
  const Json* pool = json.at_path("runs/0/fleet/pools/0");
  REQUIRE(pool != nullptr);
  // 12.5 requests at a time on average, nearly twice as many at the peak of the day: 6 a replica.
  CHECK(pool->find("peak_ready")->as_int() >= 4);
  CHECK(pool->find("least_ready")->as_int() == 1);
  CHECK(pool->find("mean_ready")->as_double() < 4);
  CHECK(json.at_path("runs/0/slos_met")->as_bool());
}

TEST_CASE("example: scale from zero") {
  const Json json = run("scale-from-zero.json");
  CHECK(json.at_path("runs/0/fleet/pools/0/least_ready")->as_int() == 0);
  CHECK(json.at_path("runs/0/fleet/waited_in_gateway")->as_int() > 0);
  // The engine is quick; what clients wait for are starts.
  CHECK(json.at_path("runs/0/latency_ms/engine_ttft/p99")->as_double() < 100);
  CHECK(json.at_path("runs/0/latency_ms/ttft/p95")->as_double() > 10'000);
}

TEST_CASE("example: a node fails") {
  const Json json = run("node-failure.json");
  CHECK(json.at_path("runs/0/fleet/pools/0/deaths")->as_int() == 2);
  CHECK(json.at_path("runs/0/fleet/retries")->as_int() > 0);
  CHECK(json.at_path("runs/0/counts/lost")->as_int() == 0);
  CHECK(json.at_path("runs/0/fleet/pools/0/starts")->as_int() == 2);
  CHECK(json.at_path("runs/0/fleet/pools/0/no_room")->as_int() == 0);
  const Finished tight =
      ephemeris({"simulate", example("node-failure.json"), "--nodes", "4", "--json"});
  CHECK(parse_json(tight.out, "tight")->at_path("runs/0/fleet/pools/0/no_room")->as_int() == 1);
}

TEST_CASE("example: spot machines") {
  const Json json = run("spot-mix.json");
  const Json* pool = json.at_path("runs/0/fleet/pools/0");
  CHECK(pool->find("starts")->as_int() > 0);
  CHECK(pool->find("warm_starts")->as_int() > 0);
  const Json* steady = json.at_path("runs/0/fleet/pools/1");
  CHECK(steady->find("starts")->as_int() == 0);
  CHECK(steady->find("finished")->as_int() > 0);
  CHECK(steady->find("price_per_gpu_hour")->as_double() >
        pool->find("price_per_gpu_hour")->as_double());
}

TEST_CASE("example: documents in a prefix cache") {
  const Json json = run("rag-prefix-cache.json");
  const double hits = json.at_path("runs/0/prefix_hit_rate")->as_double();
  CHECK(hits > 0.9);
  const Finished blind = ephemeris(
      {"simulate", example("rag-prefix-cache.json"), "--router", "least-outstanding", "--json"});
  CHECK(parse_json(blind.out, "blind")->at_path("runs/0/prefix_hit_rate")->as_double() <
        hits - 0.05);
}

TEST_CASE("example: at the edge") {
  const Json json = run("edge-or-cloud.json");
  const double client = json.at_path("runs/0/latency_ms/ttft/p50")->as_double();
  const double engine = json.at_path("runs/0/latency_ms/engine_ttft/p50")->as_double();
  CHECK(client - engine > 8);  // medians of 4 + 2 + 4 ms
  CHECK(client - engine < 25);
  const Finished cloud = ephemeris({"simulate", example("edge-or-cloud.json"), "--network",
                                    "serverless-cloud", "--isolation", "1.15", "--json"});
  CHECK(parse_json(cloud.out, "cloud")->at_path("runs/0/latency_ms/ttft/p95")->as_double() >
        client + 100);
}

TEST_CASE("example: 405 billion parameters on two nodes") {
  const Json json = run("405b-two-nodes.json");
  CHECK(json.at_path("deployment/gpus")->as_int() == 32);
}

TEST_CASE("example: prompts and outputs apart") {
  const Json json = run("disaggregated.json");
  CHECK(json.at_path("runs/0/fleet/handed_over")->as_int() ==
        json.at_path("runs/0/counts/finished")->as_int());
  CHECK(json.at_path("runs/0/fleet/pools/1/name")->as_string() == "prefill");
  CHECK(json.at_path("runs/0/slos_met")->as_bool());
}

TEST_CASE("example: pools by length of the prompt") {
  const Json json = run("pools-by-length.json");
  CHECK(json.at_path("runs/0/fleet/pools")->items().size() == 2);
  CHECK(json.at_path("runs/0/fleet/pools/1/name")->as_string() == "long prompts");
}

TEST_CASE("example: CPU machines beside a GPU") {
  const Json json = run("cpu-and-gpu.json");
  CHECK(json.at_path("deployment/engine")->as_string() == "llamacpp");
  CHECK(json.at_path("runs/0/fleet/pools/1/name")->as_string() == "h100");
}

TEST_CASE("example: drafts of an EAGLE head") {
  const Json json = run("speculative.json");
  // 1 + 0.8 + 0.8 x 0.75 + 0.8 x 0.75 x 0.75 tokens a verification.
  CHECK(json.at_path("runs/0/tokens_per_verification")->as_double() == Approx(2.85).margin(0.01));
  CHECK(json.at_path("runs/0/draft_acceptance")->as_double() == Approx(1.85 / 3).margin(0.005));
  CHECK(json.at_path("runs/0/slos_met")->as_bool());
}

TEST_CASE("example: data-parallel attention") {
  const Json json = run("data-parallel-attention.json");
  CHECK(json.at_path("deployment/dp")->as_int() == 8);
  CHECK(json.at_path("deployment/gpus")->as_int() == 8);
  CHECK(json.at_path("runs/0/slos_met")->as_bool());
}
