#include "tests/unit/calibration/readers/reader_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

const char* const kServing =
    R"({"backend": "sglang", "dataset_name": "random", "request_rate": Infinity, "max_concurrency": 4, )"
    R"("random_input_len": 600, "random_output_len": 80, "random_range_ratio": 0.5, "duration": 5.0, )"
    R"("completed": 20, "total_input_tokens": 9000, "total_output_tokens": 1200, "request_throughput": 4.0, )"
    R"("input_throughput": 1800.0, "output_throughput": 240.0, "total_throughput": 2040.0, )"
    R"("mean_e2e_latency_ms": 900.0, "median_e2e_latency_ms": 880.0, "p99_e2e_latency_ms": 1200.0, )"
    R"("mean_ttft_ms": 90.0, "median_ttft_ms": 80.0, "p99_ttft_ms": 210.0, "mean_tpot_ms": 13.5, )"
    R"("median_tpot_ms": 13.0, "p99_tpot_ms": 17.0, "mean_itl_ms": 13.0, "p95_itl_ms": 33.0, )"
    R"("concurrency": 3.6, "accept_length": null})";

// 4 prompts of 500 tokens in 0.25 s are 8000 tokens/s; the other 20 of 21 tokens take 1.25 - 0.25
// s, so 50 ms each.
const char* const kOneBatch =
    R"({"run_name": "default", "batch_size": 4, "input_len": 500, "output_len": 21, "prefill_latency": 0.25, )"
    R"("prefill_throughput": 8000.0, "median_decode_latency": 0.049, "median_decode_throughput": 81.6, )"
    R"("total_latency": 1.25, "overall_throughput": 1667.2})";

}  // namespace

TEST_CASE("SGLang bench_serving: infinite rate, a cap and random lengths") {
  const MeasuredRun run = read_runs("sglang.jsonl", kServing).at(0);
  CHECK(run.tool == "sglang bench_serving");
  CHECK(run.engine == models::EngineKind::sglang);
  CHECK(run.protocol == Protocol::closed_loop);
  CHECK(run.concurrency == 4);
  CHECK(run.load->requests == 20);
  // Uniform in [300, 600] and [40, 80]: means 450 and 60, as the totals of 9000 and 1200 say.
  CHECK(run.isl == 600);
  CHECK(run.osl == 80);
  CHECK(run.load->shortest_share == 0.5);
  check_figure(run, Figure::mean_tpot, 13.5);
  check_figure(run, Figure::itl_p50, 13);
  check_figure(run, Figure::e2e_p99, 1200);
  check_figure(run, Figure::total_tps, 2040);
  CHECK(run.problem.empty());
}

TEST_CASE("SGLang bench_serving: other data sets have the mean lengths of the totals") {
  const MeasuredRun run =
      read_runs("sglang_sharegpt.jsonl", with(kServing, "\"random\"", "\"sharegpt\"")).at(0);
  CHECK(run.isl == 450);
  CHECK(run.osl == 60);
  CHECK(run.load->shortest_share == 1);
}

TEST_CASE("SGLang bench_serving: a finite rate is Poisson, a trace is not in the file") {
  const MeasuredRun rate = read_runs("sglang_rate.jsonl", with(kServing, "Infinity", "3.5")).at(0);
  CHECK(rate.protocol == Protocol::open_loop);
  CHECK(rate.load->rate == 3.5);
  CHECK(rate.load->burstiness == 1);
  const MeasuredRun trace =
      read_runs("sglang_trace.jsonl", with(kServing, "Infinity", "\"trace\"")).at(0);
  CHECK(trace.problem.find("\"trace\"") != std::string::npos);
}

TEST_CASE("SGLang bench_serving: the server's arguments say what it ran on") {
  const std::string text =
      with(kServing, "\"duration\"",
           R"("server_info": {"model_path": "acme/tiny", "tp_size": 2, "chunked_prefill_size": 4096,
            "mem_fraction_static": 0.85, "kv_cache_dtype": "auto"}, "duration")");
  const MeasuredRun run = read_runs("sglang_info.json", text).at(0);
  CHECK_FALSE(run.engine_is_client);
  CHECK(run.model == "acme/tiny");
  CHECK(run.layout.tensor == 2);
  CHECK(run.settings.chunk_tokens == 4096);
  CHECK(run.settings.memory_fraction == 0.85);
}

TEST_CASE("SGLang bench_serving: details give each request's figures and lengths") {
  // 0.2 s to the first token; then 4 gaps of 25 ms and 2 of 40 ms.
  const std::string text = with(
      kServing, "\"accept_length\": null",
      R"("accept_length": null, "input_lens": [10, 30], "output_lens": [5, 3], "ttfts": [0.2, 0.2], )"
      R"("itls": [[0.025, 0.025, 0.025, 0.025], [0.04, 0.04]], "errors": ["", ""])");
  const MeasuredRun run = read_runs("sglang_details.jsonl", text).at(0);
  check_figure(run, Figure::mean_tpot, 32.5);
  check_figure(run, Figure::e2e_mean, 290);  // (300 + 280) / 2
  CHECK(run.isl == 20);
  CHECK(run.load->shortest_share == 1);
  CHECK(run.load->recorded->at(1).prompt_tokens == 30);
}

TEST_CASE("SGLang bench_one_batch: prefill and decode of one static batch") {
  const auto runs = read_runs("one_batch.jsonl", std::string(kOneBatch) + "\n" + kOneBatch + "\n");
  REQUIRE(runs.size() == 2);
  const MeasuredRun& run = runs[0];
  CHECK(run.engine == models::EngineKind::sglang);
  CHECK(run.protocol == Protocol::one_batch);
  CHECK(run.concurrency == 4);
  CHECK(run.isl == 500);
  CHECK(run.osl == 21);
  CHECK(run.load->in_process);
  check_figure(run, Figure::mean_ttft, 250);
  check_figure(run, Figure::prefill_tps, 8000);
  check_figure(run, Figure::mean_tpot, 50);
  check_figure(run, Figure::e2e_mean, 1250);
}

TEST_CASE("SGLang bench_one_batch: one output token has no decode") {
  std::string text = with(kOneBatch, "\"output_len\": 21", "\"output_len\": 1");
  text = with(text, "\"total_latency\": 1.25", "\"total_latency\": 0.25");
  check_absent(read_runs("one_token.jsonl", text).at(0), Figure::mean_tpot);
}

TEST_CASE("SGLang bench_one_batch: a total below the prefill is an error") {
  const Error error = read_error("total.jsonl", with(kOneBatch, "1.25", "0.2"));
  CHECK(error.text().find("/total_latency: 0.2 s is below prefill_latency, 0.25 s") !=
        std::string::npos);
}
