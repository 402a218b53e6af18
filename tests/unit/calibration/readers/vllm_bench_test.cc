#include "tests/unit/calibration/readers/reader_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

// Five prompts of 800 tokens and 50 output tokens each: 4000 and 250 tokens in 2 s.
const char* const kPlain =
    R"({"date": "20260203-101500", "backend": "vllm", "model_id": "acme/tiny",
 "num_prompts": 5, "request_rate": "inf", "burstiness": 1.0, "max_concurrency": 2, "duration": 2.0,
 "completed": 5, "total_input_tokens": 4000, "total_output_tokens": 250, "request_throughput": 2.5,
 "request_goodput": null, "output_throughput": 125.0, "total_token_throughput": 2125.0,
 "mean_ttft_ms": 31.0, "median_ttft_ms": 30.0, "std_ttft_ms": 1.0, "p90_ttft_ms": 33.0, "p99_ttft_ms": 35.0,
 "mean_tpot_ms": 6.0, "median_tpot_ms": 5.9, "std_tpot_ms": 0.2, "p99_tpot_ms": 6.4,
 "mean_itl_ms": 12.0, "median_itl_ms": 11.0, "p99_itl_ms": 40.0,
 "mean_e2el_ms": 330.0, "median_e2el_ms": 325.0, "p99_e2el_ms": 350.0})";

// Three requests, of which the second failed. The first: 100 ms to the first of 3 tokens, then gaps
// of 10 and 30 ms: TPOT 20 ms, end to end 140 ms. The third: 200 ms to its only token, so no TPOT.
const char* const kDetailed = R"({"backend": "openai", "model_id": "acme/tiny", "num_prompts": 3,
 "request_rate": 4.0, "burstiness": 2.0, "max_concurrency": null, "duration": 2.0, "completed": 2,
 "total_input_tokens": 300, "total_output_tokens": 4, "request_throughput": 1.0,
 "output_throughput": 2.0, "total_token_throughput": 152.0, "mean_ttft_ms": 999.0, "mean_tpot_ms": 999.0,
 "input_lens": [100, 150, 200], "output_lens": [3, 0, 1], "ttfts": [0.1, 0.0, 0.2],
 "itls": [[0.01, 0.03], [], []], "errors": ["", "timeout", ""]})";

}  // namespace

TEST_CASE("vllm bench serve: a plain file gives its own statistics and a closed loop") {
  const MeasuredRun run = read_runs("vllm_plain.json", kPlain).at(0);
  CHECK(run.tool == "vllm bench serve");
  CHECK(run.engine == models::EngineKind::vllm);
  CHECK(run.engine_is_client);
  CHECK(run.model == "acme/tiny");
  CHECK(run.isl == 800);
  CHECK(run.osl == 50);
  CHECK(run.protocol == Protocol::closed_loop);
  CHECK(run.concurrency == 2);
  CHECK(run.load->requests == 5);
  CHECK(run.layout.tensor == 0);  // not in the file
  check_figure(run, Figure::mean_ttft, 31);
  check_figure(run, Figure::ttft_p50, 30);
  check_figure(run, Figure::ttft_p90, 33);
  check_figure(run, Figure::ttft_p99, 35);
  check_figure(run, Figure::mean_tpot, 6);
  check_figure(run, Figure::itl_p50, 5.9);  // of TPOT: gaps between chunks are another thing
  check_figure(run, Figure::itl_p99, 6.4);
  check_figure(run, Figure::e2e_mean, 330);
  check_figure(run, Figure::achieved_rps, 2.5);
  check_figure(run, Figure::output_tps, 125);
  check_figure(run, Figure::total_tps, 2125);
  CHECK(run.note.find("itl: gaps between chunks") != std::string::npos);
}

TEST_CASE("vllm bench serve: without a cap all prompts are in flight at once") {
  const MeasuredRun run = read_runs("vllm_burst.json", with(kPlain, "\"max_concurrency\": 2",
                                                            "\"max_concurrency\": null"))
                              .at(0);
  CHECK(run.protocol == Protocol::closed_loop);
  CHECK(run.concurrency == 5);
}

TEST_CASE("vllm bench serve: a rate makes an open loop with the burstiness of the file") {
  const MeasuredRun run = read_runs("vllm_rate.json", with(kPlain, "\"inf\"", "2.5")).at(0);
  CHECK(run.protocol == Protocol::open_loop);
  CHECK(run.load->rate == 2.5);
  CHECK(run.load->burstiness == 1);
  CHECK(run.concurrency == 2);  // the cap stays
}

TEST_CASE(
    "vllm bench serve: a detailed file is summarised from its requests, failed ones left out") {
  const MeasuredRun run = read_runs("vllm_detailed.json", kDetailed).at(0);
  CHECK_FALSE(run.engine.has_value());  // "openai" is no engine
  check_figure(run, Figure::mean_ttft, 150);
  check_figure(run, Figure::ttft_p50, 150);
  check_figure(run, Figure::ttft_p90, 190);  // 100 + 0.9 * 100
  check_figure(run, Figure::mean_tpot, 20);
  check_figure(run, Figure::itl_p99, 20);
  check_figure(run, Figure::e2e_mean, 170);  // (140 + 200) / 2
  CHECK(run.isl == 150);
  CHECK(run.osl == 2);
  CHECK(run.protocol == Protocol::open_loop);
  CHECK(run.load->burstiness == 2);
  REQUIRE(run.load->recorded->size() == 2);
  CHECK(run.load->recorded->at(1).prompt_tokens == 200);
  CHECK(run.note.find("1 of 3 requests failed") != std::string::npos);
}

TEST_CASE("vllm bench serve: start times replace the rule of an open loop") {
  const std::string text =
      with(kDetailed, "\"errors\"", "\"start_times\": [7.0, 7.25, 7.75], \"errors\"");
  const MeasuredRun run = read_runs("vllm_started.json", text).at(0);
  CHECK(run.protocol == Protocol::recorded);
  CHECK(run.load->recorded->at(0).at_s == 0);
  CHECK(run.load->recorded->at(1).at_s == 0.75);
}

TEST_CASE("vllm bench serve: a ramp-up without start times is not simulated") {
  const std::string text =
      with(kPlain, "\"duration\"", "\"ramp_up_strategy\": \"linear\", \"duration\"");
  CHECK(read_runs("vllm_ramp.json", text).at(0).problem.find("ramp-up") != std::string::npos);
}

TEST_CASE("vllm bench serve: appended results are one run for each line") {
  std::string line(kPlain);
  std::erase(line, '\n');
  const auto runs = read_runs("vllm_lines.jsonl", line + "\n\n" + line + "\n");
  REQUIRE(runs.size() == 2);
  CHECK(runs[1].line == 3);
  CHECK(runs[1].id == "vllm_lines.jsonl:3");
}

TEST_CASE("vllm bench serve: metadata of the user may hold the parallelism and the GPU") {
  const std::string text =
      with(kPlain, "\"duration\"",
           "\"tensor_parallel_size\": \"4\", \"gpu\": \"NVIDIA H200\", \"duration\"");
  const MeasuredRun run = read_runs("vllm_metadata.json", text).at(0);
  CHECK(run.layout.tensor == 4);
  CHECK(run.gpu == "NVIDIA H200");
}

TEST_CASE("vllm bench serve: arrays of different length are an error with the array's name") {
  const Error error =
      read_error("vllm_short.json", with(kDetailed, "[0.1, 0.0, 0.2]", "[0.1, 0.2]"));
  CHECK(error.text().find("vllm_short.json:5: /ttfts: 2 entries where input_lens has 3") !=
        std::string::npos);
}

TEST_CASE("vllm bench serve: a run without answers is an error") {
  const Error error =
      read_error("vllm_none.json", with(kPlain, "\"completed\": 5", "\"completed\": 0"));
  CHECK(error.text().find("/completed: 0 is out of range") != std::string::npos);
}
