// What a run lets one see: every step, where a request's time went, a timeline. Hand-given step
// times.
#include <catch2/catch.hpp>

#include "core/json_doc.h"
#include "tests/e2e/run.h"

using namespace eph;
using namespace eph::test;

namespace {

// 5 ms, 40 us a prompt token, 10 us a decoding sequence, 1.5 ns a KV token of the decoding ones.
std::string hand_given() {
  return spill_out("hand.json",
                   R"({"form": "linear", "t0_ms": 5, "us_per_prefill_token": 40,
                       "us_per_decode_sequence": 10, "ns_per_kv_token": 1.5})");
}

// Request 0 at 0 s: 100 prompt and 3 output tokens; request 1 at 1 ms: 200 and 2.
std::string two_requests() {
  return spill_out("two.csv", "arrival_s,prompt_tokens,output_tokens\n0,100,3\n0.001,200,2\n");
}

std::vector<std::string> with(const std::string& command, const std::string& engine,
                              std::vector<std::string> more) {
  std::vector<std::string> words{
      command,    "--profile", hand_given(), "--model",     "meta-llama/Llama-3.1-8B-Instruct",
      "--engine", engine,      "--trace",    two_requests()};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

const std::string kStepsHeader =
    "start_s,end_s,replica,prefill_tokens,decode_sequences,kv_tokens,scheduled,preempted,cached\n";

}  // namespace

// vLLM, TensorRT-LLM and llama.cpp put the second prompt beside the first request's decode:
//   0      .. 9 ms            5 + 100 * 0.04
//   9      .. 22.01015 ms     5 + 200 * 0.04 + 0.01 + 100 * 1.5e-6
//   22.01015 .. 27.030602 ms  5 + 2 * 0.01 + (101 + 200) * 1.5e-6, whole nanoseconds
TEST_CASE("a linear profile and a trace give steps that can be worked out by hand") {
  const std::string engine = GENERATE("vllm", "trtllm", "llamacpp");
  CAPTURE(engine);
  const std::string steps = out_path("steps.csv"), requests = out_path("two-requests.csv");
  const Finished done =
      ephemeris(with("simulate", engine, {"--steps-out", steps, "--requests-out", requests}));
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  CHECK(slurp(steps) == kStepsHeader +
                            "0,0.009,0,100,0,0,0:100,,0:0\n"
                            "0.009,0.02201015,0,200,1,100,0:1 1:200,,1:0\n"
                            "0.02201015,0.027030602,0,0,2,301,0:1 1:1,,\n");
  const std::string rows = slurp(requests);
  CHECK(rows.find("\n0,0,100,3,0,0,0.009,0.027030602,9,9.015301,27.030602,0,") !=
        std::string::npos);
  CHECK(
      rows.find("\n1,0.001,200,2,0,0.001,0.02201015,0.027030602,21.01015,5.020452,26.030602,0,") !=
      std::string::npos);
}

// SGLang runs the second prompt alone: 9 .. 22 ms; both decode in 5.0200 + (100 + 200) * 1.5e-6 ms,
// then request 0 alone in 5.01 + 101 * 1.5e-6 ms.
TEST_CASE("under sglang the prompt runs alone") {
  const std::string steps = out_path("steps-sglang.csv");
  REQUIRE(ephemeris(with("simulate", "sglang", {"--steps-out", steps})).code == 0);
  CHECK(slurp(steps) == kStepsHeader +
                            "0,0.009,0,100,0,0,0:100,,0:0\n"
                            "0.009,0.022,0,200,0,0,1:200,,1:0\n"
                            "0.022,0.02702045,0,0,2,300,0:1 1:1,,\n"
                            "0.02702045,0.032030602,0,0,1,101,0:1,,\n");
}

// 3 blocks of 16, one of them vLLM's null block: 16 + 16 tokens fill the rest. The second request
// is preempted when the first needs a block more, and comes back when it has ended.
TEST_CASE("preemptions and admissions stand in their step") {
  const std::string trace =
      spill_out("tight.csv", "arrival_s,prompt_tokens,output_tokens\n0,16,2\n0,16,2\n");
  const std::string steps = out_path("steps-tight.csv");
  const Finished done = ephemeris({"simulate", "--profile", hand_given(), "--model",
                                   "meta-llama/Llama-3.1-8B-Instruct", "--trace", trace,
                                   "--kv-blocks", "3", "--block-size", "16", "--steps-out", steps});
  REQUIRE(done.code == 0);
  // 5 + 32 * 0.04 = 6.28; 5.01 + 16 * 1.5e-6; 5 + 17 * 0.04 = 5.68.
  CHECK(slurp(steps) == kStepsHeader +
                            "0,0.00628,0,32,0,0,0:16 1:16,,0:0 1:0\n"
                            "0.00628,0.011290024,0,0,1,16,0:1,1,\n"
                            "0.011290024,0.016970024,0,17,0,0,1:17,,1:0\n");
}

TEST_CASE("explain says where a request's time went, exactly") {
  const Finished done = ephemeris(with("explain", "sglang", {"--request", "1", "--json"}));
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const auto json = parse_json(done.out, "stdout");
  REQUIRE(json);
  const auto ns = [&](const char* path) { return json->at_path(path)->as_double(); };
  // It waits from 1 to 9 ms and is prefilled from 9 to 22.
  CHECK(ns("parts_ns/to_first_token/queue") == 8e6);
  CHECK(ns("parts_ns/to_first_token/prefill_own") == 13e6);
  CHECK(ns("parts_ns/to_first_token/total") == 21e6);
  CHECK(ns("parts_ns/after_first_token/decode") == 5'020'450);
  CHECK(ns("parts_ns/whole/total") == 26'020'450);
  CHECK(ns("request/e2e_ns") == 26'020'450);
}

TEST_CASE("a part that explain shows below zero is explained, and nothing else is") {
  // Request 5 waits with others at the API server before its first token, and not before its
  // second.
  const auto explained = [](const char* request, const char* output) {
    return ephemeris({"explain", "--model", "meta-llama/Llama-3.1-8B-Instruct", "--rate", "40",
                      "--duration", "5s", "--prompt-tokens", "500", "--output-tokens", output,
                      "--request", request})
        .out;
  };
  const std::string below = explained("5", "2");
  CAPTURE(below);
  CHECK(below.find("  -0.") != std::string::npos);
  CHECK(below.find("note: host below zero after the first token") != std::string::npos);
  const std::string above = explained("5", "40");
  CHECK(above.find("  -") == std::string::npos);
  CHECK(above.find("note:") == std::string::npos);
}

TEST_CASE("explain finds the request of a percentile") {
  const Finished done = ephemeris(with("explain", "sglang", {"--percentile", "95", "--of", "e2e"}));
  REQUIRE(done.code == 0);
  // 32.03 ms of request 0 against 26.02 ms.
  CHECK(done.out.find("request 0: 100 prompt and 3 output tokens") == 0);
  CHECK(done.out.find("95th percentile of 2 requests") != std::string::npos);
  CHECK(done.out.find("decode_stalls") != std::string::npos);
  CHECK(done.out.find("32.030602") != std::string::npos);
}

TEST_CASE("explain refuses what it cannot answer") {
  const auto error = [](std::vector<std::string> more) {
    const Finished done = ephemeris(with("explain", "vllm", std::move(more)));
    CHECK(done.code == 2);
    CHECK(done.out.empty());
    return done.err;
  };
  CHECK(error({}).find("explain one request, by number or by percentile") != std::string::npos);
  CHECK(error({"--request", "7"}).find("there is no request 7") != std::string::npos);
  CHECK(error({"--percentile", "0"}).find("no percentile") != std::string::npos);
  CHECK(error({"--percentile", "95", "--of", "itl"}).find("--of: \"itl\" is not known") !=
        std::string::npos);
  CHECK(error({"--request", "0", "--of", "e2e"}).find("--of has no effect") != std::string::npos);
}

TEST_CASE("a timeline shows the steps of its window") {
  const std::string path = out_path("timeline.json");
  const auto run = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"--timeline", path});
    return ephemeris(with("simulate", "vllm", std::move(more)));
  };
  REQUIRE(run({}).code == 0);
  const auto names = [&](char phase) {
    const auto json = parse_json(slurp(path), path);
    REQUIRE(json);
    std::string out;
    for (const Json& event : json->find("traceEvents")->items()) {
      if (event.find("ph")->as_string() == std::string(1, phase))
        out += event.find("name")->as_string() + " ";
    }
    return out;
  };
  CHECK(names('M') == "process_name thread_name ");
  CHECK(names('X') == "prefill mixed decode ");
  CHECK(names('C') == "requests KV blocks requests KV blocks requests KV blocks ");
  const auto json = parse_json(slurp(path), path);
  const Json& mixed = json->find("traceEvents")->items()[5];
  CHECK(mixed.find("ts")->as_double() == 9000);
  CHECK(mixed.find("dur")->as_double() == 13010.15);
  CHECK(mixed.at_path("args/prefill_tokens")->as_double() == 200);
  CHECK(mixed.at_path("args/decode_sequences")->as_double() == 1);
  CHECK(mixed.at_path("args/kv_tokens")->as_double() == 100);
  // From 22.01 ms on only the last step lies in the window.
  REQUIRE(run({"--timeline-from", "22.1ms", "--timeline-to", "1 s"}).code == 0);
  CHECK(names('X') == "decode ");
  const Finished none = run({"--timeline-from", "10", "--timeline-to", "11"});
  CHECK(none.code == 2);
  CHECK(none.err.find("no step lies between") != std::string::npos);
  CHECK(none.err.find("steps run from 0 s to 0.027030602 s") != std::string::npos);
}

TEST_CASE("files of one run are refused for several, and a window without a timeline") {
  const auto error = [](std::vector<std::string> more) {
    const Finished done = ephemeris(with("simulate", "vllm", std::move(more)));
    CHECK(done.code == 2);
    return done.err;
  };
  CHECK(error({"--runs", "2", "--steps-out", out_path("no.csv")}).find("holds one run") !=
        std::string::npos);
  CHECK(error({"--timeline-from", "1"}).find("has no effect without a timeline") !=
        std::string::npos);
}
