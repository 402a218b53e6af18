// Options that could do nothing beside what else is given, or contradict it, are refused; the error
// says where both stand.
#include <catch2/catch.hpp>

#include "tests/e2e/run.h"

using namespace eph;
using namespace eph::test;

namespace {

std::string refused(std::vector<std::string> more) {
  const Finished done = ephemeris(on_linear(std::move(more)));
  CHECK(done.code == 2);
  CHECK(done.out.empty());
  return done.err;
}

bool has(const std::string& text, const std::string& part) {
  CAPTURE(text, part);
  return text.find(part) != std::string::npos;
}

std::vector<std::string> set(const std::string& engine, const std::vector<std::string>& settings) {
  std::vector<std::string> out{"--engine", engine, "--requests", "2"};
  for (const std::string& setting : settings) out.insert(out.end(), {"--set", setting});
  return out;
}

std::string trace(const std::string& name, const std::string& columns, const std::string& rest) {
  return spill_out(name, "arrival_s,prompt_tokens,output_tokens" + columns + "\n0,10,2" + rest +
                             "\n1,10,2" + rest + "\n");
}

const std::vector<std::string> kByPriority{"--set", "scheduling_policy=priority"};

std::vector<std::string> by_priority(std::vector<std::string> more) {
  more.insert(more.end(), kByPriority.begin(), kByPriority.end());
  return more;
}

}  // namespace

TEST_CASE("readings of a cache that is off are refused") {
  const char* const tree = "--set radix_insert: finish has no effect without the radix cache";
  CHECK(has(refused(set("sglang", {"disable_radix_cache=true", "radix_insert=finish"})), tree));
  auto flag = set("sglang", {"radix_insert=finish"});
  flag.insert(flag.end(), {"--prefix-caching", "off"});
  CHECK(has(refused(flag), tree));
  CHECK(has(refused(set("sglang", {"disable_radix_cache=true", "schedule_policy=lpm"})),
            "--set schedule_policy: lpm has no effect without prefix caching"));
  CHECK(has(refused(set("llamacpp", {"cache_prompt=false", "slot_prompt_similarity=0.5"})),
            "--set slot_prompt_similarity: 0.5 has no effect without cache_prompt"));
  CHECK(has(refused(set("llamacpp", {"n_parallel=1", "slot_prompt_similarity=0.5"})),
            "0.5 has no effect with a single slot"));
}

TEST_CASE("options that others leave nothing to do are refused") {
  CHECK(has(
      refused(set("vllm", {"enable_chunked_prefill=false", "scheduler_reserve_full_isl=false"})),
      "--set scheduler_reserve_full_isl: false has no effect without chunked prefill"));
  CHECK(has(refused(set("sglang", {"SGLANG_MIN_NEW_TOKEN_RATIO_FACTOR=1",
                                   "SGLANG_NEW_TOKEN_RATIO_DECAY_STEPS=60"})),
            "60 has no effect where the share does not decay"));
}

TEST_CASE("a pool's option that contradicts the pool's field is refused with both lines") {
  const std::string file = spill_out("pool-twice.json", R"({"version": 1, "deployment": {
    "model": "meta-llama/Llama-3.1-8B-Instruct"},
  "pools": [{"name": "b", "min_prompt": 100,
    "max_num_seqs": 9,
    "engine_options": {"max_num_seqs": 8}}],
  "workload": {"synthetic": {"requests": 1}}})");
  CHECK(has(ephemeris({"simulate", file}).err,
            "/pools/0/engine_options/max_num_seqs: 8 contradicts \"max_num_seqs\" in line 4"));
}

TEST_CASE("blocks of a cache that is counted in tokens are refused") {
  const Finished done = ephemeris({"simulate", "--engine", "llamacpp", "--model",
                                   "meta-llama/Llama-2-7b-hf", "--dtype", "q4_k_m", "--gpu",
                                   "c7i-flex.12xlarge", "--requests", "1", "--block-size", "64"});
  CHECK(done.code == 2);
  CHECK(has(done.err, "--block-size: has no effect on llamacpp, whose cache is counted in tokens"));
}

TEST_CASE("priority scheduling is refused where no request can have a priority") {
  CHECK(has(refused(by_priority({"--requests", "2"})),
            "--set scheduling_policy: priority has no effect on requests without priorities"));
  const std::string classes = trace("refused-classes.csv", ",class", ",chat");
  const char* const none = "priority has no effect on a trace without a priority column";
  CHECK(has(refused(by_priority({"--trace", classes})), none));
  CHECK(has(refused(by_priority({"--trace", trace("refused-plain.csv", "", "")})), none));
  CHECK(
      ephemeris(on_linear(by_priority({"--trace", classes, "--class-priority", "chat=1"}))).code ==
      0);
  CHECK(has(refused(by_priority(
                {"--trace", trace("refused-plain.csv", "", ""), "--class-priority", "chat=1"})),
            "--class-priority: has no effect on a trace without a class column"));
}

TEST_CASE("requests that all have the same priority are warned about") {
  const char* const warning = "all requests have the same priority";
  const Finished same =
      ephemeris(on_linear(by_priority({"--trace", trace("refused-same.csv", ",priority", ",3")})));
  CAPTURE(same.err);
  REQUIRE(same.code == 0);
  CHECK(has(same.out, warning));
  const std::string two = spill_out(
      "refused-two.csv", "arrival_s,prompt_tokens,output_tokens,priority\n0,10,2,1\n1,10,2,2\n");
  CHECK(ephemeris(on_linear(by_priority({"--trace", two}))).out.find(warning) == std::string::npos);
}

TEST_CASE("a file that says something twice is refused with both lines") {
  const std::string file = spill_out("twice.json", R"({"version": 1, "deployment": {
    "model": "meta-llama/Llama-3.1-8B-Instruct",
    "max_num_seqs": 9,
    "engine_options": {
      "max_num_seqs": 8}},
  "workload": {"synthetic": {"requests": 1}}})");
  const Finished done = ephemeris({"simulate", file});
  CHECK(done.code == 2);
  CHECK(has(done.err, file + ":5:"));
  CHECK(has(done.err,
            "/deployment/engine_options/max_num_seqs: 8 contradicts \"max_num_seqs\" in "
            "line 3; give one value"));
}

TEST_CASE("a flag that a file contradicts is refused with the file's line") {
  const std::string file = spill_out("cached.json", R"({"version": 1, "deployment": {
    "model": "meta-llama/Llama-3.1-8B-Instruct", "engine": "sglang",
    "kv_blocks": 9000,
    "engine_options": {
      "radix_insert": "finish"}},
  "workload": {"synthetic": {"requests": 1}}})");
  CHECK(has(ephemeris({"simulate", file, "--prefix-caching", "off"}).err,
            "\"radix_insert\" of " + file + ":5: finish has no effect without the radix cache"));
  CHECK(has(ephemeris({"simulate", file, "--set", "max_total_tokens=8000"}).err,
            "--set max_total_tokens: 8000 contradicts \"kv_blocks\" of " + file +
                ":3; give the size of the KV cache in one way"));
}

// Chunks belong to SGLang: at the points of vLLM there is nothing to set.
TEST_CASE("a sweep over engines takes an option that one of them knows, and none that none does") {
  const auto sweep = [](const std::string& setting) {
    return ephemeris({"sweep", "--model", "meta-llama/Llama-3.1-8B-Instruct", "--profile",
                      linear_profile(), "--requests", "3", "--vary", "engine=vllm,sglang", "--set",
                      setting});
  };
  const Finished done = sweep("chunked_prefill_size=256");
  CAPTURE(done.err);
  CHECK(done.code == 0);
  const Finished none = sweep("n_batch=256");
  CHECK(none.code == 2);
  CHECK(has(none.err, "--set n_batch: n_batch is an option of llama.cpp"));
}
