// Speculative decoding and data-parallel ranks from the command line: what each option does.
#include <catch2/catch.hpp>

#include "core/json_doc.h"
#include "tests/e2e/run.h"

using namespace eph;
using namespace eph::test;

namespace {

using Words = std::vector<std::string>;

// 10 ms a step and 1 ms for each decoding sequence or draft.
std::string profile() {
  return spill_out("drafts.json",
                   R"({"version": 1, "form": "linear", "t0_ms": 10, "us_per_prefill_token": 0,
                       "us_per_decode_sequence": 1000, "ns_per_kv_token": 0})");
}

Words command(const std::string& engine, const Words& settings, const Words& more = {}) {
  Words words{"simulate",
              "--model",
              "meta-llama/Llama-3.1-8B-Instruct",
              "--profile",
              profile(),
              "--kv-blocks",
              "20000",
              "--engine",
              engine,
              "--arrivals",
              "constant",
              "--rate",
              "0.5",
              "--requests",
              "20",
              "--prompt-tokens",
              "100",
              "--output-tokens",
              "101"};
  for (const std::string& setting : settings) {
    words.emplace_back("--set");
    words.push_back(setting);
  }
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Json simulated(Words words) {
  words.emplace_back("--json");
  const Finished done = ephemeris(words);
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  auto json = parse_json(done.out, "stdout");
  REQUIRE(json);
  return std::move(*json);
}

double tpot(const Json& json) { return json.at_path("runs/0/latency_ms/tpot/mean")->as_double(); }
double figure(const Json& json, const std::string& key) {
  return json.at_path("runs/0/" + key)->as_double();
}

struct Form {
  std::string engine;
  Words three, five;  // drafts, all accepted or none
};

Form form() {
  return GENERATE(values<Form>({{"vllm",
                                 {"speculative_method=eagle3", "num_speculative_tokens=3"},
                                 {"speculative_method=eagle3", "num_speculative_tokens=5"}},
                                {"sglang",
                                 {"speculative_algorithm=EAGLE", "speculative_num_steps=3"},
                                 {"speculative_algorithm=EAGLE", "speculative_num_steps=5"}},
                                {"trtllm",
                                 {"decoding_type=Eagle3", "max_draft_len=3"},
                                 {"decoding_type=Eagle3", "max_draft_len=5"}}}));
}

Words accepting(Words settings, const std::string& p) {
  settings.push_back("speculative_acceptance=" + p);
  return settings;
}

}  // namespace

TEST_CASE("drafts shorten the time of a token by what is accepted, and cost their tokens") {
  const Form f = form();
  CAPTURE(f.engine);
  // 100 tokens after the first, each step 11 ms; with 3 drafts 14 ms and up to 4 tokens: 25 steps;
  // with 5 drafts 16 ms: 17 steps.
  CHECK(tpot(simulated(command(f.engine, {}))) == Approx(11));
  CHECK(tpot(simulated(command(f.engine, accepting(f.three, "0")))) == Approx(14));
  CHECK(tpot(simulated(command(f.engine, accepting(f.three, "1")))) == Approx(14 * 25 / 100.0));
  CHECK(tpot(simulated(command(f.engine, accepting(f.five, "1")))) == Approx(16 * 17 / 100.0));
  const Json part = simulated(command(f.engine, accepting(f.three, "0.8,0.5,0.5")));
  CHECK(figure(part, "tokens_per_verification") == Approx(1 + 0.8 + 0.4 + 0.2).margin(0.15));
  CHECK(figure(part, "draft_acceptance") == Approx(1.4 / 3).margin(0.05));
  CHECK(part.at_path("runs/0/counts/draft_tokens")->as_int() ==
        3 * part.at_path("runs/0/counts/verifications")->as_int());
}

TEST_CASE("what drafts did is in the summary and in the columns of a sweep") {
  const Words settings{"speculative_method=ngram", "num_speculative_tokens=2",
                       "speculative_acceptance=1"};
  const Finished text = ephemeris(command("vllm", settings));
  REQUIRE(text.code == 0);
  CHECK(text.out.find("3.00 tokens a verification, 100 % of the drafts") != std::string::npos);
  CHECK(ephemeris(command("vllm", {})).out.find("verification") == std::string::npos);
  Words sweep = command("vllm", settings);
  sweep[0] = "sweep";
  sweep.insert(sweep.end(), {"--vary", "replicas=1,2"});
  const Finished rows = ephemeris(sweep);
  CAPTURE(rows.err);
  REQUIRE(rows.code == 0);
  CHECK(rows.out.find(",tokens_per_verification,draft_acceptance") != std::string::npos);
}

TEST_CASE("a tree of SGLang verifies more tokens for the same positions") {
  const Words chain{"speculative_algorithm=EAGLE", "speculative_num_steps=3",
                    "speculative_acceptance=0.5"};
  Words tree = chain;
  tree.insert(tree.end(), {"speculative_eagle_topk=4", "speculative_num_draft_tokens=8"});
  // 10 + 8 ms instead of 10 + 4 ms for the same tokens.
  CHECK(tpot(simulated(command("sglang", tree))) ==
        Approx(tpot(simulated(command("sglang", chain))) * 18 / 14));
}

TEST_CASE("the number of MTP layers is TensorRT-LLM's number of drafts") {
  Words words = command(
      "trtllm", {"decoding_type=MTP", "num_nextn_predict_layers=3", "speculative_acceptance=1"});
  words[2] = "deepseek-ai/DeepSeek-R1";
  words.insert(words.end(), {"--gpu", "h200", "--tp", "8", "--ep", "8"});
  CHECK(tpot(simulated(words)) == Approx(14 * 25 / 100.0));
}

TEST_CASE("without an acceptance drafts are refused") {
  const Finished done =
      ephemeris(command("vllm", {"speculative_method=ngram", "num_speculative_tokens=2"}));
  CHECK(done.code == 2);
  CHECK(done.err.find("give speculative_acceptance=") != std::string::npos);
}

TEST_CASE("ranks prefill side by side and have a cache each") {
  const std::string engine = GENERATE("vllm", "sglang", "trtllm");
  CAPTURE(engine);
  const std::string linear = linear_profile();  // 10 ms and 0.1 ms a prompt token
  const auto words = [&](const char* tp, const char* dp) {
    return Words{"simulate",
                 "--model",
                 "deepseek-ai/DeepSeek-R1",
                 "--profile",
                 linear,
                 "--engine",
                 engine,
                 "--gpu",
                 "h200",
                 "--tp",
                 tp,
                 "--dp",
                 dp,
                 "--ep",
                 "8",
                 "--arrivals",
                 "closed",
                 "--concurrency",
                 "8",
                 "--requests",
                 "64",
                 "--prompt-tokens",
                 "1000",
                 "--output-tokens",
                 "50"};
  };
  const Json flat = simulated(words("8", "1")), ranks = simulated(words("1", "8"));
  CHECK(flat.at_path("deployment/gpus")->as_int() == 8);
  CHECK(ranks.at_path("deployment/gpus")->as_int() == 8);
  CHECK(ranks.at_path("deployment/dp")->as_int() == 8);
  CHECK(figure(ranks, "latency_ms/ttft/mean") < 0.7 * figure(flat, "latency_ms/ttft/mean"));
  CHECK(figure(ranks, "output_tokens_per_s") > figure(flat, "output_tokens_per_s"));
}

TEST_CASE("ranks go by the scenario's own field, and only where they wait for each other") {
  const Finished named = ephemeris(command("vllm", {"data_parallel_size=2"}));
  CHECK(named.code == 2);
  CHECK(named.err.find("--dp") != std::string::npos);
  const Finished dense = ephemeris(command("vllm", {}, {"--dp", "2"}));
  CHECK(dense.code == 2);
  CHECK(dense.err.find("use replicas instead of dp") != std::string::npos);
}
