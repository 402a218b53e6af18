// A plan over several engines: an option holds for those that know it, and the report says for
// which it does not; `ENGINE:` in front addresses one.
#include <catch2/catch.hpp>

#include "core/json_doc.h"
#include "tests/e2e/run.h"

using namespace eph;
using namespace eph::test;

namespace {

Finished plan(const std::string& engines, std::vector<std::string> more) {
  std::vector<std::string> words{"plan",           "--model", "meta-llama/Llama-3.1-8B-Instruct",
                                 "--engine",       engines,   "--profile",
                                 linear_profile(), "--rate",  "2",
                                 "--requests",     "50",      "--slo",
                                 "p95_ttft=10s"};
  words.insert(words.end(), more.begin(), more.end());
  return ephemeris(words);
}

Json report(const std::string& engines, std::vector<std::string> more) {
  more.emplace_back("--json");
  const Finished done = plan(engines, std::move(more));
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  auto json = parse_json(done.out, "stdout");
  REQUIRE(json);
  return *json;
}

std::string error(const std::string& engines, std::vector<std::string> more) {
  const Finished done = plan(engines, std::move(more));
  CHECK(done.code == 2);
  CHECK(done.out.empty());
  return done.err;
}

double ttft_of(const Json& report, const std::string& engine) {
  for (const Json& row : report.at_path("rows")->items())
    if (row.at_path("engine")->as_string() == engine)
      return row.at_path("ttft_ms/mean")->as_double();
  return 0;
}

}  // namespace

// A prompt of 512 tokens in two chunks of 256 takes a step more, 10 ms on this profile.
TEST_CASE("an option of a plan holds for the engines that know it, and a note says for which not") {
  const Json plain = report("vllm,sglang,trtllm", {});
  CHECK(plain.at_path("notes")->items().empty());
  const Json set = report("vllm,sglang,trtllm", {"--set", "chunked_prefill_size=256"});
  CHECK(ttft_of(set, "sglang") > ttft_of(plain, "sglang") + 9);
  CHECK(ttft_of(set, "vllm") == ttft_of(plain, "vllm"));
  REQUIRE(set.at_path("notes")->items().size() == 1);
  CHECK(set.at_path("notes/0")->as_string() ==
        "--set chunked_prefill_size does not apply to vllm, trtllm");
  const Finished text = plan("vllm,sglang", {"--chunk-tokens", "256"});
  CHECK(text.out.find("note: --chunk-tokens does not apply to vllm\n") != std::string::npos);
}

TEST_CASE("an option that no engine of a plan knows is one error that names the engines") {
  CHECK(error("vllm,sglang", {"--set", "n_batch=64"}) ==
        "ephemeris: error: --set n_batch: n_batch is an option of none of vLLM, SGLang, but of "
        "llama.cpp; leave it out\n");
  CHECK(
      error("vllm,sglang", {"--set", "max_num_seq=64"}) ==
      "ephemeris: error: --set max_num_seq: max_num_seq is an option of none of vLLM, SGLang; did "
      "you mean \"max_num_seqs\"?\n");
  CHECK(
      error("vllm,sglang", {"--set", "max_num_seqs=4", "--max-num-seqs", "5"}) ==
      "ephemeris: error: --set max_num_seqs: vllm: 4 contradicts --max-num-seqs; give one value\n");
}

TEST_CASE("an option with an engine in front is that engine's alone") {
  const Json plain = report("vllm,trtllm", {});
  const Json set = report("vllm,trtllm", {"--set", "vllm:long_prefill_token_threshold=256", "--set",
                                          "trtllm:max_batch_size=64"});
  CHECK(ttft_of(set, "vllm") > ttft_of(plain, "vllm") + 9);
  CHECK(ttft_of(set, "trtllm") == ttft_of(plain, "trtllm"));
  CHECK(set.at_path("notes")->items().empty());
  CHECK(error("vllm,trtllm", {"--set", "sglang:page_size=64"})
            .find("--set sglang:page_size: no candidate runs sglang") != std::string::npos);
  CHECK(error("vllm", {"--set", "vllm:max_num_seqs=4", "--set", "vllm:max_num_seqs=5"})
            .find("--set vllm:max_num_seqs: 5 contradicts 4") != std::string::npos);
  CHECK(error("vllm,sglang", {"--set", "vllm:page_size=64"})
            .find("--set vllm:page_size is an option of SGLang") != std::string::npos);
}

TEST_CASE("a preset holds for the engines that have it; one addressed to an engine for that one") {
  const Json tuned = report("vllm,trtllm,sglang", {"--preset", "tuned"});
  REQUIRE(tuned.at_path("notes")->items().size() == 1);
  CHECK(tuned.at_path("notes/0")->as_string() == "--preset tuned does not apply to sglang");
  CHECK(report("vllm,trtllm", {"--preset", "trtllm:tuned,default"})
            .at_path("notes")
            ->items()
            .empty());
  CHECK(
      error("vllm,sglang", {"--preset", "tunedd"}) ==
      "ephemeris: error: --preset tunedd: none of vllm, sglang has it; did you mean \"tuned\"?\n");
  CHECK(error("vllm,sglang", {"--preset", "trtllm:tuned"})
            .find("--preset trtllm:tuned: no candidate runs trtllm") != std::string::npos);
}
