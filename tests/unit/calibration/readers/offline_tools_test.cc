// Tools that call the engine without a server, and InferenceX's aggregated results.
#include "tests/unit/calibration/readers/reader_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

const char* const kTrtllm = R"({
 "engine": {"model": "acme/tiny", "version": "1.1.0", "backend": "Pytorch", "dtype": "bfloat16",
            "kv_cache_dtype": "FP8", "quantization": "FP8"},
 "machine": {"name": "NVIDIA H100 80GB HBM3", "memory.total": 79.6, "clocks.mem": 2.6},
 "world_info": {"tp_size": 2, "pp_size": 1, "ep_size": null, "world_size": 2, "max_batch_size": 256,
                "max_num_tokens": 4096, "kv_cache_percentage": 0.85, "issue_rate": "inf"},
 "request_info": {"num_requests": 40, "avg_num_concurrent_requests": 21.0, "avg_input_length": 700.0,
                  "avg_output_length": 64.0},
 "performance": {"total_latency_ms": 5000.0, "avg_request_latency_ms": 2600.0, "request_throughput_req_s": 8.0,
                 "system_output_throughput_tok_s": 512.0, "system_total_throughput_tok_s": 6112.0,
                 "request_latency_percentiles_ms": {"p50": 2500.0, "p90": 3900.0, "p95": 4000.0, "p99": 4100.0}},
 "streaming_metrics": {"avg_ttft_ms": 900.0, "avg_tpot_ms": 25.0,
  "tpot_percentiles": {"p50": 24000000.0, "p99": 30000000.0, "average": 25000000.0},
  "ttft_percentiles": {"p50": 880.0, "p99": 1500.0, "average": 900.0}}})";

// One prompt of 1000 tokens in 0.125 s; 50 tokens in 0.5 s; the row of both.
const char* const kLlamaCsv =
    "\"build_commit\",\"build_number\",\"gpu_info\",\"backends\",\"model_type\",\"n_batch\",\"type_"
    "k\",\"n_prompt\",\"n_gen\",\"n_depth\",\"avg_ns\",\"stddev_ns\",\"avg_ts\",\"stddev_ts\"\n"
    "\"cafe01\",\"6100\",\"Example GPU\",\"CUDA\",\"tiny 1B "
    "Q4_0\",\"2048\",\"f16\",\"1000\",\"0\",\"0\",\"125000000\",\"100\",\"8000.0\",\"1.0\"\n"
    "\"cafe01\",\"6100\",\"Example GPU\",\"CUDA\",\"tiny 1B "
    "Q4_0\",\"2048\",\"f16\",\"0\",\"50\",\"256\",\"500000000\",\"100\",\"100.0\",\"1.0\"\n"
    "\"cafe01\",\"6100\",\"Example GPU\",\"CUDA\",\"tiny 1B "
    "Q4_0\",\"2048\",\"f16\",\"1000\",\"50\",\"0\",\"625000000\",\"100\",\"1680.0\",\"1.0\"\n";

const char* const kInferencex = R"({"hw": "h200", "conc": 8, "image": "x", "model": "acme/tiny",
 "infmax_model_prefix": "tiny", "framework": "trt", "precision": "fp8", "spec_decoding": "none", "disagg": false,
 "isl": 1024, "osl": 512, "is_multinode": false, "tp": 4, "pp": 1, "ep": 1, "dp_attention": false,
 "tput_per_gpu": 300.0, "output_tput_per_gpu": 100.0, "input_tput_per_gpu": 200.0,
 "mean_ttft": 0.15, "median_ttft": 0.14, "p99_ttft": 0.4, "mean_tpot": 0.018, "median_tpot": 0.0175,
 "mean_intvty": 55.5, "mean_e2el": 9.3})";

}  // namespace

TEST_CASE("trtllm-bench: everything but the cap is in the report") {
  const MeasuredRun run = read_runs("trtllm.json", kTrtllm).at(0);
  CHECK(run.engine == models::EngineKind::trtllm);
  CHECK(run.engine_version == "1.1.0");
  CHECK(run.gpu == "NVIDIA H100 80GB HBM3");
  CHECK(run.dtype == "FP8");
  CHECK(run.settings.kv_dtype == "FP8");
  CHECK(run.settings.max_num_seqs == 256);
  CHECK(run.settings.max_num_batched_tokens == 4096);
  CHECK(run.settings.memory_fraction == 0.85);
  CHECK(run.layout.tensor == 2);
  CHECK(run.isl == 700);
  CHECK(run.protocol == Protocol::closed_loop);
  CHECK(run.concurrency == 40);  // all at once, until the command line says otherwise
  CHECK(run.concurrency_is_guess);
  CHECK(run.load->in_process);
  check_figure(run, Figure::e2e_p95, 4000);
  check_figure(run, Figure::achieved_rps, 8);
  check_figure(run, Figure::total_tps, 6112);
}

TEST_CASE("trtllm-bench: the unit of the streaming percentiles follows from their average") {
  const MeasuredRun run = read_runs("trtllm_unit.json", kTrtllm).at(0);
  check_figure(run, Figure::mean_ttft, 900);
  check_figure(run, Figure::ttft_p99, 1500);  // average 900 for 900 ms: ms
  check_figure(run, Figure::mean_tpot, 25);
  check_figure(run, Figure::itl_p99, 30);  // average 25000000 for 25 ms: ns
  const MeasuredRun odd =
      read_runs("trtllm_odd.json", with(kTrtllm, "\"average\": 900.0", "\"average\": 901234.0"))
          .at(0);
  check_absent(odd, Figure::ttft_p99);
  check_figure(odd, Figure::mean_ttft, 900);
  CHECK(odd.note.find("ttft_percentiles: of unknown unit") != std::string::npos);
}

TEST_CASE("trtllm-bench: a finite issue rate is an open loop") {
  const MeasuredRun run =
      read_runs("trtllm_rate.json", with(kTrtllm, "\"issue_rate\": \"inf\"", "\"issue_rate\": 6.5"))
          .at(0);
  CHECK(run.protocol == Protocol::open_loop);
  CHECK(run.load->rate == 6.5);
}

TEST_CASE("llama-bench: prompt, generation and combined tests in CSV") {
  const auto runs = read_runs("llama.csv", kLlamaCsv);
  REQUIRE(runs.size() == 3);
  for (const MeasuredRun& run : runs) {
    CHECK(run.engine == models::EngineKind::llamacpp);
    CHECK(run.gpu == "Example GPU");
    CHECK(run.model == "tiny 1B Q4_0");
    CHECK(run.protocol == Protocol::one_batch);
    CHECK(run.concurrency == 1);
  }
  check_figure(runs[0], Figure::prefill_tps, 8000);
  CHECK(runs[0].isl == 1000);
  CHECK(runs[0].osl == 1);
  check_figure(runs[1], Figure::mean_tpot, 10);  // 500 ms / 50
  CHECK(runs[1].isl == 256);                     // the depth it started at
  CHECK(runs[1].osl == 51);                      // 50 steps and the token before them
  check_absent(runs[1], Figure::prefill_tps);
  check_figure(runs[2], Figure::e2e_mean, 625);
  CHECK(runs[2].line == 4);
}

TEST_CASE("llama-bench: JSON and JSON-lines are the same") {
  const std::string row =
      R"({"build_commit": "cafe01", "build_number": 6100, "gpu_info": "Example GPU", "n_prompt": 1000, "n_gen": 0, "n_depth": 0, "avg_ns": 125000000, "avg_ts": 8000.0, "samples_ns": [125000000]})";
  check_figure(read_runs("llama.json", "[\n" + row + "\n]\n").at(0), Figure::prefill_tps, 8000);
  const auto lines = read_runs("llama.jsonl", row + "\n" + row + "\n");
  REQUIRE(lines.size() == 2);
  CHECK(lines[1].line == 2);
  const MeasuredRun deep =
      read_runs("llama_deep.json", with(row, "\"n_depth\": 0", "\"n_depth\": 512")).at(0);
  CHECK(deep.problem.find("cached tokens") != std::string::npos);
}

TEST_CASE("InferenceX: seconds become milliseconds, rates per GPU those of the replica") {
  const MeasuredRun run = read_runs("inferencex.json", kInferencex).at(0);
  CHECK(run.engine == models::EngineKind::trtllm);
  CHECK(run.gpu == "h200");
  CHECK(run.dtype == "fp8");
  CHECK(run.protocol == Protocol::inferencemax);
  CHECK(run.concurrency == 8);
  CHECK(run.isl == 1024);
  CHECK(run.layout.tensor == 4);
  check_figure(run, Figure::mean_ttft, 150);
  check_figure(run, Figure::ttft_p99, 400);
  check_figure(run, Figure::mean_tpot, 18);
  check_figure(run, Figure::itl_p50, 17.5);
  check_figure(run, Figure::e2e_mean, 9300);
  check_figure(run, Figure::output_tps, 400);
  check_figure(run, Figure::total_tps, 1200);
}

TEST_CASE("InferenceX: what is not simulated says so") {
  CHECK(read_runs("infx_spec.json", with(kInferencex, "\"none\"", "\"mtp\""))
            .at(0)
            .problem.find("speculative") != std::string::npos);
  CHECK(read_runs("infx_disagg.json", with(kInferencex, "\"disagg\": false", "\"disagg\": true"))
            .at(0)
            .disaggregated);
}
