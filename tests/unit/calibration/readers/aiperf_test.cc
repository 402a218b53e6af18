#include "tests/unit/calibration/readers/reader_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

const char* const kSummary = R"({
 "request_throughput": {"unit": "requests/sec", "avg": 3.0},
 "request_count": {"unit": "requests", "avg": 90.0},
 "request_latency": {"unit": "ms", "avg": 800.0, "p50": 790.0, "p90": 900.0, "p95": 930.0, "p99": 990.0},
 "time_to_first_token": {"unit": "us", "avg": 45000.0, "p50": 44000.0, "p99": 61000.0},
 "inter_token_latency": {"unit": "ms", "avg": 7.5, "p50": 7.4, "p99": 9.0},
 "output_token_throughput": {"unit": "tokens/sec", "avg": 303.0},
 "input_sequence_length": {"unit": "tokens", "avg": 511.6}, "output_sequence_length": {"unit": "tokens", "avg": 101.0},
 "input_config": {"endpoint": {"model_names": ["acme/tiny"]}, "loadgen": {"concurrency": 6, "request_count": 90}},
 "was_cancelled": false})";

// Two answered requests and one of the warm-up. TTFT 40 and 60 ms; the other 10 tokens take 100 and
// 200 ms, so 10 and 20 ms each.
const char* const kRequests =
    R"({"metadata": {"request_start_ns": 900000000, "benchmark_phase": "warmup", "was_cancelled": false}, "metrics": {}, "error": null}
{"metadata": {"request_start_ns": 1000000000, "benchmark_phase": "profiling", "was_cancelled": false}, "metrics": {"time_to_first_token": {"value": 40.0, "unit": "ms"}, "request_latency": {"value": 140.0, "unit": "ms"}, "output_sequence_length": {"value": 11, "unit": "tokens"}, "input_sequence_length": {"value": 30, "unit": "tokens"}}, "error": null}
{"metadata": {"request_start_ns": 1500000000, "benchmark_phase": "profiling", "was_cancelled": false}, "metrics": {"time_to_first_token": {"value": 60.0, "unit": "ms"}, "request_latency": {"value": 260.0, "unit": "ms"}, "output_sequence_length": {"value": 11, "unit": "tokens"}, "input_sequence_length": {"value": 50, "unit": "tokens"}}, "error": null}
)";

const char* const kCsv =
    "Metric,avg,min,max,p1,p5,p10,p25,p50,p75,p90,p95,p99,std\n"
    "Time to First Token "
    "(ms),45.00,30.00,70.00,31.00,32.00,33.00,36.00,44.00,46.00,50.00,55.00,61.00,6.00\n"
    "Inter Token Latency (ms),7.50,7.00,9.50,7.00,7.10,7.20,7.30,7.40,7.60,8.00,8.50,9.00,0.50\n"
    "Request Latency "
    "(ms),800.00,700.00,999.00,701.00,710.00,720.00,750.00,790.00,820.00,900.00,930.00,990.00,50."
    "00\n"
    "Input Sequence Length "
    "(tokens),512.00,512.00,512.00,512.00,512.00,512.00,512.00,512.00,512.00,512.00,512.00,512.00,"
    "0.00\n"
    "Output Sequence Length "
    "(tokens),101.00,101.00,101.00,101.00,101.00,101.00,101.00,101.00,101.00,101.00,101.00,101.00,"
    "0.00\n"
    "\n"
    "Metric,Value\n"
    "Request Throughput (requests/sec),3.00\n"
    "Request Count (requests),\"1,090.00\"\n";

}  // namespace

TEST_CASE("AIPerf: a summary in JSON, each metric in its own unit") {
  const MeasuredRun run = read_runs("aiperf.json", kSummary).at(0);
  CHECK(run.tool == "aiperf");
  CHECK(run.model == "acme/tiny");
  CHECK(run.protocol == Protocol::closed_loop);
  CHECK(run.concurrency == 6);
  CHECK(run.load->requests == 90);
  CHECK(run.isl == 512);
  CHECK(run.osl == 101);
  check_figure(run, Figure::mean_ttft, 45);  // 45000 us
  check_figure(run, Figure::ttft_p99, 61);
  check_figure(run, Figure::mean_tpot, 7.5);
  check_figure(run, Figure::itl_p99, 9);
  check_figure(run, Figure::e2e_p90, 900);
  check_figure(run, Figure::achieved_rps, 3);
  check_figure(run, Figure::output_tps, 303);
}

TEST_CASE("AIPerf: a request rate makes an open loop, Poisson unless it says constant") {
  const std::string poisson = with(kSummary, "\"concurrency\": 6", "\"request_rate\": 3.5");
  CHECK(read_runs("aiperf_rate.json", poisson).at(0).protocol == Protocol::open_loop);
  CHECK(read_runs("aiperf_rate.json", poisson).at(0).load->burstiness == 1);
  const std::string constant = with(kSummary, "\"concurrency\": 6",
                                    "\"request_rate\": 3.5, \"request_rate_mode\": \"constant\"");
  CHECK(read_runs("aiperf_even.json", constant).at(0).load->burstiness == 0);
}

TEST_CASE("AIPerf: a summary without its settings leaves the load to the command line") {
  const MeasuredRun run =
      read_runs("aiperf_bare.json",
                with(kSummary, R"({"concurrency": 6, "request_count": 90})", "{}"))
          .at(0);
  CHECK(run.protocol == Protocol::unknown);
  const auto missing = missing_facts(run);
  CHECK(std::find(missing.begin(), missing.end(), "--concurrency N or --request-rate R") !=
        missing.end());
}

TEST_CASE("AIPerf: an unknown unit is an error with its place") {
  const Error error = read_error("aiperf_unit.json", with(kSummary, "\"us\"", "\"fortnights\""));
  CHECK(error.text().find("/time_to_first_token/unit: \"fortnights\" is no unit of time") !=
        std::string::npos);
}

TEST_CASE("AIPerf: requests of the profiling phase, one line each") {
  const auto runs = read_runs("aiperf_requests.jsonl", kRequests);
  REQUIRE(runs.size() == 1);
  const MeasuredRun& run = runs[0];
  CHECK(run.protocol == Protocol::recorded);
  check_figure(run, Figure::mean_ttft, 50);
  check_figure(run, Figure::mean_tpot, 15);
  check_figure(run, Figure::e2e_p50, 200);
  check_figure(run, Figure::achieved_rps, 2 / 0.76);  // from 1.0 s to 1.5 + 0.26 s
  CHECK(run.isl == 40);
  CHECK(run.load->recorded->at(1).at_s == Approx(0.5));
  CHECK(run.note.find("1 lines of warm-up") != std::string::npos);
}

TEST_CASE("AIPerf: a request line without its latency is an error with the line") {
  const Error error = read_error(
      "aiperf_missing.jsonl",
      with(kRequests, "\"request_latency\": {\"value\": 260.0", "\"x\": {\"value\": 260.0"));
  CHECK(error.text().find("aiperf_missing.jsonl:3: /metrics/request_latency/value: no such key") !=
        std::string::npos);
}

TEST_CASE("AIPerf: a summary in CSV has two blocks") {
  const MeasuredRun run = read_runs("aiperf.csv", kCsv).at(0);
  CHECK(run.tool == "aiperf csv");
  check_figure(run, Figure::mean_ttft, 45);
  check_figure(run, Figure::ttft_p95, 55);
  check_figure(run, Figure::mean_tpot, 7.5);
  check_figure(run, Figure::e2e_p99, 990);
  check_figure(run, Figure::achieved_rps, 3);
  CHECK(run.isl == 512);
  CHECK(run.osl == 101);
  CHECK(run.load->requests == 1090);
}

TEST_CASE("genai-perf: its CSV has other statistics in another order") {
  const MeasuredRun run = read_runs("genai.csv",
                                    "Metric,avg,min,max,p99,p95,p90,p75,p50,p25\n"
                                    "Time To First Token (ms),12.5,10,20,19,18,17,14,12,11\n"
                                    "\nMetric,Value\nRequest Throughput (per sec),4.5\n")
                              .at(0);
  check_figure(run, Figure::mean_ttft, 12.5);
  check_figure(run, Figure::ttft_p99, 19);
  check_figure(run, Figure::achieved_rps, 4.5);
}

TEST_CASE("AIPerf: a bad number in the CSV is an error with line and column") {
  const Error error = read_error("aiperf_bad.csv", with(kCsv, "7.50,", "fast,"));
  CHECK(error.text().find("aiperf_bad.csv:3: avg: \"fast\" is not a number") != std::string::npos);
}
