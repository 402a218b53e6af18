// Options by the engines' own names: what is taken acts, what is not is refused with its reason.
#include <catch2/catch.hpp>

#include "core/json_doc.h"
#include "tests/e2e/run.h"

using namespace eph;
using namespace eph::test;

namespace {

std::vector<std::string> on(const std::string& engine, std::vector<std::string> settings) {
  std::vector<std::string> words{"simulate",
                                 "--model",
                                 "meta-llama/Llama-3.1-8B-Instruct",
                                 "--profile",
                                 linear_profile(),
                                 "--engine",
                                 engine,
                                 "--arrivals",
                                 "constant",
                                 "--requests",
                                 "1"};
  for (std::string& setting : settings) {
    words.push_back("--set");
    words.push_back(std::move(setting));
  }
  return words;
}

std::string error(const std::string& engine, const std::string& setting) {
  const Finished done = ephemeris(on(engine, {setting}));
  CHECK(done.code == 2);
  CHECK(done.out.empty());
  return done.err;
}

bool has(const std::string& text, const std::string& part) {
  CAPTURE(text, part);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("engine options by name act like the fields they stand for") {
  struct Case {
    std::string engine, setting, key;
    double value;
  };
  const Case c = GENERATE(values<Case>({
      {"vllm", "max_num_batched_tokens=4096", "max_num_batched_tokens", 4096},
      {"vllm", "max_num_seqs=32", "max_num_seqs", 32},
      {"vllm", "num_gpu_blocks_override=500", "kv_blocks", 500},
      {"vllm", "block_size=32", "block_size", 32},
      {"vllm", "max_model_len=4000", "max_model_len", 4000},
      {"sglang", "chunked_prefill_size=1024", "chunk_tokens", 1024},
      {"sglang", "max_prefill_tokens=9000", "max_num_batched_tokens", 9000},
      {"sglang", "max_running_requests=17", "max_num_seqs", 17},
      {"sglang", "max_total_tokens=5000", "kv_tokens", 5000},
      {"sglang", "page_size=16", "block_size", 16},
      {"trtllm", "max_batch_size=64", "max_num_seqs", 64},
      {"trtllm", "max_num_tokens=4096", "max_num_batched_tokens", 4096},
      {"trtllm", "max_seq_len=3000", "max_model_len", 3000},
      {"trtllm", "tokens_per_block=64", "block_size", 64},
      {"llamacpp", "n_parallel=2", "max_num_seqs", 2},
      {"llamacpp", "n_batch=1024", "max_num_batched_tokens", 1024},
      {"llamacpp", "n_ctx=8192", "kv_tokens", 8192},
  }));
  CAPTURE(c.engine, c.setting);
  auto words = on(c.engine, {c.setting});
  words.push_back("--json");
  const Finished done = ephemeris(words);
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const auto json = parse_json(done.out, "stdout");
  REQUIRE(json);
  CHECK(json->at_path("deployment/" + c.key)->as_double() == c.value);
  CHECK(json->at_path("deployment/engine_options")->members().size() == 1);
}

TEST_CASE("an unknown option names the nearest, another engine's its engine") {
  CHECK(has(error("vllm", "max_num_seq=8"),
            "max_num_seq is not an option of vLLM; did you mean "
            "\"max_num_seqs\"?"));
  CHECK(has(error("vllm", "chunked_prefill_size=8"),
            "chunked_prefill_size is an option of SGLang, the deployment runs vLLM"));
  CHECK(has(error("sglang", "n_batch=8"), "is an option of llama.cpp, the deployment runs SGLang"));
  CHECK(has(error("vllm", "max-num-seqs=8"), "write max_num_seqs"));
  CHECK(has(error("vllm", "max_num_seqs"), "write name=value"));
}

TEST_CASE("what the engine knows and the simulation does not is refused with the reason") {
  CHECK(has(
      error("vllm", "max_long_partial_prefills=2"),
      "max_long_partial_prefills of vLLM is not simulated: V1's scheduler does not look at it"));
  CHECK(has(error("vllm", "tensor_parallel_size=2"), "use --tp"));
  CHECK(has(error("sglang", "schedule_policy=lof"),
            "schedule_policy=lof of SGLang is not simulated: the queue is in the order of"));
  CHECK(has(error("trtllm", "max_beam_width=4"), "every request has one beam"));
  CHECK(has(error("llamacpp", "n_gpu_layers=20"), "all layers are on the device"));
}

TEST_CASE("a value out of range or of the wrong kind is an error") {
  CHECK(has(error("vllm", "max_num_seqs=0"), "max_num_seqs: 0 is out of range"));
  CHECK(has(error("vllm", "async_scheduling=maybe"), "\"maybe\" is neither on nor off"));
  CHECK(has(error("trtllm", "capacity_scheduler_policy=MAX_UTILISATION"), "is not known"));
}

TEST_CASE("options that have no effect on the profile are refused") {
  CHECK(has(error("vllm", "max_cudagraph_capture_size=64"),
            "the size of CUDA graphs has no effect on a linear profile"));
  CHECK(has(error("llamacpp", "n_ubatch=256"), "n_ubatch has no effect on a linear profile"));
}

TEST_CASE("a flag and a setting that differ contradict each other, equal ones do not") {
  auto words = on("vllm", {"max_num_seqs=8"});
  words.insert(words.end(), {"--max-num-seqs", "8"});
  CHECK(ephemeris(words).code == 0);
  words.back() = "9";
  const Finished done = ephemeris(words);
  CHECK(done.code == 2);
  CHECK(has(done.err, "--set max_num_seqs: 8 contradicts --max-num-seqs"));
  CHECK(has(error("vllm", "gpu_memory_utilization=1.5"), "out of range"));
  CHECK(ephemeris(on("vllm", {"num_gpu_blocks_override=100", "gpu_memory_utilization=0.5"})).code ==
        2);
}

TEST_CASE("a file's engine options act, are checked with their line, and give way to flags") {
  const std::string head = R"({"version": 1, "deployment": {"model":
    "meta-llama/Llama-3.1-8B-Instruct", "engine": "vllm", "engine_options": {
)";
  const std::string tail = R"(}}, "workload": {"synthetic": {"requests": 1}}})";
  const std::string good =
      spill_out("options.json", head + R"("max_num_seqs": 7, "watermark": 0.01)" + tail);
  const Finished done = ephemeris({"simulate", good, "--json"});
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  CHECK(parse_json(done.out, "")->at_path("deployment/max_num_seqs")->as_double() == 7);
  const Finished replaced = ephemeris({"simulate", good, "--json", "--max-num-seqs", "9"});
  REQUIRE(replaced.code == 0);
  CHECK(parse_json(replaced.out, "")->at_path("deployment/max_num_seqs")->as_double() == 9);
  const Finished set = ephemeris({"simulate", good, "--json", "--set", "max_num_seqs=11"});
  REQUIRE(set.code == 0);
  CHECK(parse_json(set.out, "")->at_path("deployment/max_num_seqs")->as_double() == 11);
  const std::string bad = spill_out("bad-options.json", head + R"("n_batch": 7)" + tail);
  const Finished refused = ephemeris({"simulate", bad});
  CHECK(refused.code == 2);
  CHECK(has(refused.err, bad + ":3:"));
  CHECK(has(refused.err, "n_batch is an option of llama.cpp"));
}

// 4 % of 5,000 tokens is a threshold of 200: a prompt of 512 takes 200 + 200 + 112. A step takes
// 10 ms and 0.1 ms a prompt token: 30 + 30 + 21.2 = 81.2 ms to the first token.
TEST_CASE("several partial prefills bring the threshold that vLLM derives") {
  auto words = on("vllm", {"max_num_partial_prefills=2", "max_model_len=5000"});
  words.push_back("--json");
  const Finished done = ephemeris(words);
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const auto json = parse_json(done.out, "stdout");
  CHECK(json->at_path("runs/0/latency_ms/ttft/mean")->as_double() == Approx(81.2));
}

TEST_CASE("the priority column of a trace decides who is admitted first") {
  const std::string trace = spill_out(
      "priority.csv",
      "arrival_s,prompt_tokens,output_tokens,priority\n0,10,1,0\n0.001,10,1,5\n0.002,10,1,1\n");
  const std::string steps = out_path("priority-steps.csv");
  const Finished done =
      ephemeris(on_linear({"--trace", trace, "--set", "scheduling_policy=priority", "--set",
                           "max_num_seqs=1", "--steps-out", steps}));
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const std::string rows = slurp(steps);
  CHECK(rows.find("2:10") < rows.find("1:10"));
}

TEST_CASE("priority scheduling needs requests with priorities") {
  CHECK(has(error("vllm", "scheduling_policy=priority"),
            "priority has no effect on requests without priorities"));
}

TEST_CASE("vllm before V1 is simulated with a warning") {
  auto words = on("vllm", {});
  words.insert(words.end(), {"--engine-version", "0.6.3"});
  CHECK(has(ephemeris(words).out, "vLLM 0.6.3 schedules by the V0 engine"));
  words.back() = "0.8.0";
  CHECK(!has(ephemeris(words).out, "V0 engine"));
}

// Without chunks TensorRT-LLM never admits a prompt above max_num_tokens, 8192 by default; the
// tuned preset cuts prompts.
TEST_CASE("the tuned preset of trtllm serves prompts that the default one rejects") {
  const auto json_of = [](const std::string& preset) {
    const Finished done = ephemeris({"simulate",
                                     "--model",
                                     "meta-llama/Llama-3.1-8B-Instruct",
                                     "--profile",
                                     linear_profile(),
                                     "--engine",
                                     "trtllm",
                                     "--preset",
                                     preset,
                                     "--arrivals",
                                     "constant",
                                     "--rate",
                                     "0.5",
                                     "--requests",
                                     "4",
                                     "--prompt-tokens",
                                     "10000",
                                     "--output-tokens",
                                     "5",
                                     "--json"});
    CAPTURE(done.err);
    REQUIRE(done.code == 0);
    auto json = parse_json(done.out, "stdout");
    REQUIRE(json);
    return *json;
  };
  const Json plain = json_of("default"), tuned = json_of("tuned");
  CHECK(plain.at_path("runs/0/counts/rejected")->as_int() == 4);
  CHECK(tuned.at_path("runs/0/counts/finished")->as_int() == 4);
  CHECK(tuned.at_path("deployment/preset")->as_string() == "tuned");
  CHECK(tuned.at_path("deployment/preset_options/max_num_tokens")->as_string() == "16384");
  CHECK(plain.at_path("deployment/preset_options")->members().empty());
}

// A step takes 10 ms and 0.1 ms a prompt token; one slot, so each turn follows the one before.
TEST_CASE("llama.cpp finds what its slot holds unless it is told not to") {
  const auto p50 = [](const std::string& keeps) {
    const Finished done = ephemeris(on_linear({"--engine",        "llamacpp",
                                               "--max-num-seqs",  "1",
                                               "--set",           "cache_prompt=" + keeps,
                                               "--arrivals",      "closed",
                                               "--concurrency",   "1",
                                               "--requests",      "8",
                                               "--turns",         "4",
                                               "--prompt-tokens", "200",
                                               "--user-tokens",   "20",
                                               "--output-tokens", "5",
                                               "--json"}));
    CAPTURE(done.err);
    REQUIRE(done.code == 0);
    const auto json = parse_json(done.out, "stdout");
    REQUIRE(json);
    return json->at_path("runs/0/latency_ms/ttft/p50")->as_double();
  };
  CHECK(p50("true") < 0.5 * p50("false"));
}
