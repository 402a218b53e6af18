// Measured runs of benchmark tools through the program: import, validate, calibrate.
#include <catch2/catch.hpp>

#include "core/csv.h"
#include "tests/e2e/run.h"

using namespace eph;
using namespace eph::test;

namespace {

// Numbers are made up; the formats are described in docs/FORMATS.md.
std::string vllm_file() {
  return spill_out("vllm_bench.json",
                   R"({"backend": "vllm", "model_id": "meta-llama/Llama-3.1-8B-Instruct",
 "num_prompts": 12, "request_rate": 3.0, "burstiness": 1.0, "max_concurrency": null, "duration": 5.0,
 "completed": 12, "total_input_tokens": 6000, "total_output_tokens": 1200, "request_throughput": 2.4,
 "output_throughput": 240.0, "total_token_throughput": 1440.0, "mean_ttft_ms": 35.0, "median_ttft_ms": 34.0,
 "p99_ttft_ms": 45.0, "mean_tpot_ms": 7.0, "median_tpot_ms": 7.0, "p99_tpot_ms": 7.5})");
}

std::string one_batch_file() {
  return spill_out(
      "one_batch.jsonl",
      "{\"batch_size\": 8, \"input_len\": 512, \"output_len\": 17, \"prefill_latency\": 0.2, "
      "\"total_latency\": 0.4}\n");
}

std::string log_file() {
  return spill_out("requests.csv",
                   "arrival_s,prompt_tokens,output_tokens,first_token_s,last_token_s\n"
                   "0,400,21,0.03,0.18\n0.4,500,31,0.44,0.66\n1.1,600,41,1.14,1.44\n");
}

std::string guidellm_file() {
  return spill_out("guidellm.json",
                   R"({"metadata": {"version": 2, "guidellm_version": "0.7.0"}, "benchmarks": [
 {"type_": "generative_benchmark", "config": {"strategy": {"type_": "synchronous"}},
  "scheduler_metrics": {"measure_start_time": 10.0, "measure_end_time": 20.0},
  "metrics": {"request_latency": {"successful": {"mean": 0.8, "percentiles": {"p50": 0.8}}},
              "prompt_token_count": {"successful": {"mean": 256}}, "output_token_count": {"successful": {"mean": 100}},
              "time_to_first_token_ms": {"successful": {"mean": 20.0}},
              "inter_token_latency_ms": {"successful": {"mean": 6.5, "percentiles": {"p50": 6.5}}}},
  "requests": {}}]})");
}

const std::vector<std::string> kDeployment{"--gpu", "h100-sxm", "--tp",
                                           "1",     "--model",  "meta-llama/Llama-3.1-8B-Instruct"};

std::vector<std::string> on_h100(std::vector<std::string> words,
                                 std::vector<std::string> more = {}) {
  words.insert(words.end(), kDeployment.begin(), kDeployment.end());
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void check_error(const std::vector<std::string>& words, int code, const std::string& part) {
  const Finished done = ephemeris(words);
  CAPTURE(words, done.out, done.err);
  CHECK(done.code == code);
  CHECK(done.out.empty());
  CHECK(done.err.starts_with("ephemeris: error: "));
  CHECK(done.err.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("import makes one table of several formats and says what is missing") {
  const std::string out = out_path("runs.csv");
  const Finished done = ephemeris(
      {"import", vllm_file(), one_batch_file(), log_file(), "--gpu", "h100-sxm", "--out", out});
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  CHECK(done.out.find("runs.csv: 3 runs") != std::string::npos);
  CHECK(done.out.find("1 request log") != std::string::npos);
  CHECK(done.out.find("3 runs: --tp N") != std::string::npos);
  const auto table = CsvTable::load(out);
  REQUIRE(table.has_value());
  REQUIRE(table->rows() == 3);
  CHECK(table->text(0, "tool") == "vllm bench serve");
  CHECK(table->text(0, "gpu") == "h100-sxm");
  CHECK(table->text(0, "mean_tpot_ms") == "7");
  CHECK(table->text(1, "load") == "one_batch");
  CHECK(table->text(1, "mean_tpot_ms") == "12.5");  // (400 - 200) ms / 16
  CHECK(table->text(2, "isl") == "500");
  CHECK(table->text(2, "mean_ttft_ms") == "36.66666667");  // (30 + 40 + 40) / 3
}

TEST_CASE("importing an imported table changes nothing") {
  const std::string first = out_path("first.csv"), second = out_path("second.csv");
  REQUIRE(ephemeris({"import", vllm_file(), one_batch_file(), log_file(), guidellm_file(), "--out",
                     first})
              .code == 0);
  REQUIRE(ephemeris({"import", first, "--out", second}).code == 0);
  CHECK(slurp(first) == slurp(second));
}

TEST_CASE("validate simulates the runs of several tools under their own load") {
  struct Case {
    std::string file, engine, load, figure;
  };
  for (const Case& c : {Case{vllm_file(), "vllm", "open_loop", "mean_tpot_ms"},
                        Case{one_batch_file(), "sglang", "one_batch", "prefill_tps"},
                        Case{log_file(), "vllm", "recorded", "itl_p95_ms"},
                        Case{guidellm_file(), "vllm", "closed_loop", "itl_p50_ms"}}) {
    const std::string out = out_path("validated.csv");
    const Finished done = ephemeris(on_h100(
        {"validate", "--runs", c.file}, {"--engine", c.engine, "--out", out, "--threads", "1"}));
    CAPTURE(c.file, done.out, done.err);
    REQUIRE(done.code == 0);
    CHECK(done.out.find(c.load) != std::string::npos);
    const auto table = CsvTable::load(out);
    REQUIRE(table.has_value());
    CHECK(table->text(0, "status") == "ok");
    CHECK(table->number(0, "pred_" + c.figure)->value() > 0);
  }
}

TEST_CASE("validate over an imported table is the same as over the file") {
  const std::string table = out_path("of_vllm.csv");
  REQUIRE(ephemeris(on_h100({"import", vllm_file(), "--out", table})).code == 0);
  const Finished direct = ephemeris(on_h100({"validate", "--runs", vllm_file()}));
  const Finished imported = ephemeris({"validate", "--runs", table});
  CAPTURE(direct.err, imported.err);
  REQUIRE(direct.code == 0);
  CHECK(direct.out == imported.out);
}

TEST_CASE("the requests of a simulation are a request log") {
  // Alone on the machine: 10 ms and 0.1 ms for each of 100 prompt tokens, then 10 ms a token.
  const std::string requests = out_path("simulated_requests.csv"),
                    table = out_path("simulated_runs.csv");
  REQUIRE(ephemeris(on_linear({"--requests", "20", "--rate", "0.5", "--arrivals", "constant",
                               "--prompt-tokens", "100", "--output-tokens", "11", "--requests-out",
                               requests}))
              .code == 0);
  const Finished done = ephemeris({"import", requests, "--out", table});
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const auto runs = CsvTable::load(table);
  REQUIRE(runs.has_value());
  CHECK(runs->text(0, "mean_ttft_ms") == "20");
  CHECK(runs->text(0, "mean_tpot_ms") == "10");
  CHECK(runs->text(0, "request_rate") == "0.5");
}

TEST_CASE("calibrate fits a profile on a user's own file") {
  const std::string profile = out_path("own_profile.json");
  const Finished done = ephemeris({"calibrate",
                                   "--engine",
                                   "vllm",
                                   "--gpu",
                                   "h100-sxm",
                                   "--runs",
                                   vllm_file(),
                                   "--runs",
                                   log_file(),
                                   "--tp",
                                   "1",
                                   "--model",
                                   "meta-llama/Llama-3.1-8B-Instruct",
                                   "--held-out",
                                   "0",
                                   "--max-iterations",
                                   "1",
                                   "--threads",
                                   "1",
                                   "--out",
                                   profile});
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  CHECK(done.out.find("from 2 rows") != std::string::npos);
  const std::string text = slurp(profile);
  CHECK(text.find("vllm_bench.json") != std::string::npos);  // its source
  CHECK(text.find(" --tp 1") != std::string::npos);          // and the command that repeats it
}

TEST_CASE("facts that are missing or contradict the file are errors that name the flag") {
  check_error({"validate", "--runs", vllm_file()}, 2,
              "vllm_bench.json:1: the run does not say all that a simulation needs "
              "(2 facts are missing); add --gpu NAME --tp N");
  check_error(
      {"validate", "--runs", vllm_file(), "--gpu", "h100-sxm", "--tp", "1", "--model",
       "Qwen/Qwen3-32B"},
      2,
      "--model Qwen/Qwen3-32B contradicts the file, which says meta-llama/Llama-3.1-8B-Instruct");
  check_error({"validate", "--runs", vllm_file(), "--engine", "vlm"}, 2, "did you mean \"vllm\"?");
  check_error({"calibrate", "--engine", "vllm", "--data", "d", "--tp", "1", "--out", "o"}, 2,
              "--tp 1 has no effect without --runs");
  check_error({"calibrate", "--engine", "trtllm", "--runs", one_batch_file(), "--out", "o", "--tp",
               "1", "--gpu", "h100-sxm", "--model", "Qwen/Qwen3-32B"},
              2, "none of its 1 runs can be used for trtllm on h100-sxm");
}

TEST_CASE("result files that are broken on purpose get one clear error") {
  const std::string whole = slurp(vllm_file());
  check_error(
      {"import", spill_out("cut.json", whole.substr(0, whole.size() / 2)), "--out", "o.csv"}, 3,
      "the file ends in the middle of a value; it is truncated");
  check_error({"import", spill_out("other.json", R"({"a": 1})"), "--out", "o.csv"}, 2,
              "fit no known format of measured runs; known are");
  check_error(
      {"import",
       spill_out("nokey.jsonl",
                 R"({"batch_size": 8, "input_len": 5, "prefill_latency": 1, "total_latency": 2})"),
       "--out", "o.csv"},
      2, "nokey.jsonl:1: /output_len: no such key");
  check_error(
      {"import",
       spill_out(
           "type.jsonl",
           R"({"batch_size": "many", "input_len": 5, "output_len": 1, "prefill_latency": 1, "total_latency": 2})"),
       "--out", "o.csv"},
      2, "type.jsonl:1: /batch_size: \"many\" is a string");
  std::string mixed = slurp(one_batch_file());
  mixed +=
      "{\"build_commit\": \"c\", \"n_prompt\": 1, \"avg_ts\": 1, \"n_gen\": 0, \"avg_ns\": 5}\n";
  check_error({"import", spill_out("mixed.jsonl", mixed), "--out", "o.csv"}, 2,
              "mixed.jsonl:2: a record of llama-bench among records of sglang bench_one_batch");
  check_error({"import", "no/such.json", "--out", "o.csv"}, 3, "no/such.json: cannot open");
  check_error({"import", "--out", "o.csv"}, 2, "no measured runs are given");
  check_error({"import", vllm_file()}, 2, "no file is given for the table; add --out FILE");
}
