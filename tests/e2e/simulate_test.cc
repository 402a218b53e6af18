#include <catch2/catch.hpp>

#include <algorithm>

#include "core/csv.h"
#include "core/json_doc.h"
#include "tests/e2e/run.h"

using namespace eph;
using namespace eph::test;

namespace {

Json result(const std::vector<std::string>& words) {
  const Finished done = ephemeris(words);
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  CHECK(done.err.empty());
  auto json = parse_json(done.out, "stdout");
  REQUIRE(json);
  return *json;
}

double value(const Json& json, std::string_view path) {
  const Json* found = json.at_path(path);
  CAPTURE(path);
  REQUIRE(found != nullptr);
  return found->as_double();
}

}  // namespace

// One request at a time: the prefill step takes 10 + 0.1 * 100 = 20 ms, each of the 10 decode steps
// 10 ms. Without front end: TTFT 20 ms, TPOT 10 ms, end to end 120 ms.
TEST_CASE("a lone request takes what the profile says") {
  const Json json =
      result(on_linear({"--arrivals", "constant", "--rate", "1", "--requests", "5",
                        "--prompt-tokens", "100", "--output-tokens", "11", "--json"}));
  CHECK(value(json, "runs/0/counts/finished") == 5);
  CHECK(value(json, "runs/0/latency_ms/ttft/mean") == Approx(20));
  CHECK(value(json, "runs/0/latency_ms/tpot/p99") == Approx(10));
  CHECK(value(json, "runs/0/latency_ms/e2e/max") == Approx(120));
}

TEST_CASE("a closed loop keeps its requests in flight") {
  const Json json = result(
      on_linear({"--arrivals", "closed", "--concurrency", "4", "--requests", "40", "--json"}));
  CHECK(value(json, "runs/0/counts/finished") == 40);
  CHECK(value(json, "runs/0/mean_running") <= 4);
}

// Turn 1 computes 110 tokens, of which six blocks of 16 are full; turn 2 has 100 + 11 + 20 prompt
// tokens, finds 96 and computes 35 in 10 + 3.5 ms; turn 3 has 162 and finds 128 of 141. That is 224
// of 393.
TEST_CASE("a conversation finds its earlier turns in the cache") {
  const std::string path = out_path("e2e_turns.csv");
  auto words = on_linear({"--arrivals", "closed", "--concurrency", "1", "--requests", "3",
                          "--turns", "3", "--prompt-tokens", "100", "--output-tokens", "11",
                          "--user-tokens", "20", "--think-time", "0", "--block-size", "16"});
  auto as_json = words;
  as_json.insert(as_json.end(), {"--json", "--requests-out", path});
  const Json json = result(as_json);
  CHECK(value(json, "runs/0/counts/cached_tokens") == 224);
  CHECK(value(json, "runs/0/prefix_hit_rate") == Approx(224.0 / 393));
  const auto table = CsvTable::load(path);
  REQUIRE(table);
  for (const auto& [row, cached] : {std::pair{0, 0}, {1, 96}, {2, 128}})
    CHECK(**table->integer(static_cast<std::size_t>(row), "cached_tokens") == cached);
  CHECK(table->text(1, "ttft_ms") == "13.5");
  CHECK(ephemeris(words).out.find("prefix cache 57.0 % of the prompt tokens found") !=
        std::string::npos);
  words.insert(words.end(), {"--prefix-caching", "off"});
  const std::string off = ephemeris(words).out;
  CHECK(off.find("prefix cache") == std::string::npos);
  CHECK(off.find("every prompt is computed in full") != std::string::npos);
}

TEST_CASE("the same input gives the same bytes, another seed gives others") {
  const auto words =
      on_linear({"--rate", "20", "--requests", "300", "--length-spread", "0.5", "--json"});
  auto other = words;
  other.insert(other.end(), {"--seed", "2"});
  const std::string first = ephemeris(words).out;
  CHECK(first == ephemeris(words).out);
  CHECK(first != ephemeris(other).out);
}

TEST_CASE("the number of threads changes no result") {
  const auto run = [](const char* threads) {
    return ephemeris(on_linear(
        {"--rate", "20", "--requests", "200", "--runs", "4", "--threads", threads, "--json"}));
  };
  const Finished one = run("1"), three = run("3");
  CHECK(one.code == 0);
  CHECK(one.out == three.out);
  CHECK(one.out.find("\"intervals_90\"") != std::string::npos);
}

TEST_CASE("the table for people names every part of the result") {
  const Finished done = ephemeris(on_linear(
      {"--rate", "20", "--requests", "300", "--slo", "p95_ttft=500ms", "--slo", "p50_tpot=1ms"}));
  CHECK(done.code == 0);
  CHECK(done.err.empty());
  for (const char* part : {"TTFT", "TPOT", "ITL", "end to end", "throughput", "goodput", "KV cache",
                           "running", "300 sent = 300 finished + 0 rejected + 0 unfinished",
                           "p95_ttft=500ms", "met", "p50_tpot=1ms", "MISSED", "warning: "}) {
    INFO(part);
    CHECK(done.out.find(part) != std::string::npos);
  }
}

TEST_CASE("a missed objective ends with 1 only when asked to check") {
  const std::vector<std::string> missed{"--requests", "20", "--slo", "p50_tpot=1ms"};
  CHECK(ephemeris(on_linear(missed)).code == 0);
  auto checked = missed;
  checked.push_back("--check");
  CHECK(ephemeris(on_linear(checked)).code == 1);
  CHECK(ephemeris(on_linear({"--requests", "20", "--slo", "p50_tpot=1s", "--check"})).code == 0);
}

TEST_CASE(
    "the requests file has a row for every request, in the order sent, none lost at the horizon") {
  const std::string path = out_path("e2e_requests.csv");
  const Finished done = ephemeris(on_linear(
      {"--rate", "50", "--requests", "100", "--horizon", "1.5", "--requests-out", path, "--json"}));
  REQUIRE(done.code == 0);
  const auto json = parse_json(done.out, "stdout");
  REQUIRE(json);
  const auto table = CsvTable::load(path);
  REQUIRE(table);
  CHECK(table->header() ==
        std::vector<std::string>{"index", "arrival_s", "prompt_tokens", "output_tokens", "replica",
                                 "queued_s", "first_token_s", "finish_s", "ttft_ms", "tpot_ms",
                                 "e2e_ms", "preemptions", "cached_tokens", "status", "class"});
  const auto arrived = static_cast<std::size_t>(value(*json, "runs/0/counts/arrived"));
  CHECK(table->rows() == arrived);
  CHECK(value(*json, "runs/0/counts/unfinished") > 0);
  std::size_t unfinished = 0;
  for (std::size_t row = 0; row < table->rows(); ++row) {
    CHECK(**table->integer(row, "index") == static_cast<std::int64_t>(row));
    const bool open = table->text(row, "status") == "unfinished";
    unfinished += open ? 1 : 0;
    CHECK(table->text(row, "finish_s").empty() == open);
    CHECK(table->text(row, "e2e_ms").empty() == open);
  }
  CHECK(static_cast<double>(unfinished) == value(*json, "runs/0/counts/unfinished"));
}

TEST_CASE("the series file has a row a sample") {
  const std::string path = out_path("e2e_series.csv");
  const Finished done = ephemeris(on_linear(
      {"--rate", "50", "--duration", "10", "--series-out", path, "--series-interval", "500ms"}));
  REQUIRE(done.code == 0);
  const auto table = CsvTable::load(path);
  REQUIRE(table);
  CHECK(table->header() == std::vector<std::string>{"time_s", "waiting", "running", "kv_used",
                                                    "preemptions", "finished"});
  CHECK(table->rows() >= 20);
}

TEST_CASE("wall-clock time is only in the result when asked for") {
  const auto words = on_linear({"--requests", "5", "--json"});
  CHECK(ephemeris(words).out.find("wall_s") == std::string::npos);
  auto timed = words;
  timed.push_back("--timing");
  CHECK(ephemeris(timed).out.find("wall_s") != std::string::npos);
}

TEST_CASE("a plan finds the smallest number of replicas") {
  // Eight requests/s of 20 + 10 * 10 = 120 ms each would need one replica; a TTFT limit below the
  // prefill step of 20 ms cannot be met by any number.
  const std::vector<std::string> base{"plan",
                                      "--model",
                                      "meta-llama/Llama-3.1-8B-Instruct",
                                      "--profile",
                                      linear_profile(),
                                      "--rate",
                                      "8",
                                      "--duration",
                                      "60",
                                      "--prompt-tokens",
                                      "100",
                                      "--output-tokens",
                                      "11",
                                      "--json",
                                      "--slo"};
  auto easy = base, impossible = base;
  easy.push_back("p95_ttft=500ms");
  impossible.push_back("p95_ttft=15ms");
  const Finished found = ephemeris(easy);
  CAPTURE(found.err, found.out);
  CHECK(found.code == 0);
  CHECK(found.out.find("\"replicas\": 1,") != std::string::npos);
  const Finished none = ephemeris(impossible);
  CAPTURE(none.err, none.out);
  CHECK(none.code == 1);
  CHECK(none.out.find("\"feasible\": false") != std::string::npos);
}
