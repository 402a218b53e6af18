#include "tests/unit/calibration/readers/reader_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

// Two requests of 101 tokens. First: first token after 50 ms, last after 1.05 s, so 10 ms a token.
// Second: 70 ms, 2.07 s, 20 ms. The tool's own time_per_output_token_ms leaves out the first
// token's time here and holds it in later versions; it is never read.
const char* const kOld = R"([{"type_": "generative_benchmark", "id_": "b1",
 "args": {"strategy": {"type_": "throughput", "max_concurrency": 8}, "max_duration": 30.0, "max_number": null,
          "warmup_duration": 3.0},
 "rate_type": "throughput", "queue_duration": 0.5, "cold_start_duration": 40.0,
 "start_time": 100.0, "end_time": 130.0, "duration": 30.0, "request_totals": {"successful": 2},
 "metrics": {
  "requests_per_second": {"successful": {"mean": 0.5}},
  "request_latency": {"successful": {"mean": 9.0, "percentiles": {"p50": 9.0, "p99": 9.9}}},
  "prompt_token_count": {"successful": {"mean": 250.4}}, "output_token_count": {"successful": {"mean": 101.0}},
  "time_to_first_token_ms": {"successful": {"mean": 61.0, "percentiles": {"p50": 60.0, "p95": 69.0}}},
  "time_per_output_token_ms": {"successful": {"mean": 14.0}},
  "inter_token_latency_ms": {"successful": {"mean": 14.5, "median": 14.0}}},
 "requests": {"successful": [
  {"request_id": "a", "prompt_tokens": 200, "output_tokens": 101, "start_time": 100.0,
   "first_token_time": 100.05, "last_token_time": 101.05, "end_time": 101.06},
  {"request_id": "b", "prompt_tokens": 300, "output_tokens": 101, "start_time": 100.5,
   "first_token_time": 100.57, "last_token_time": 102.57, "end_time": 102.58}],
  "errored": [], "incomplete": []}}])";

// Measured from 20 to 80; the first request was sent at 15 and ended before, so it is warm-up. The
// other ended inside: 100 ms to its first token, 10 more in 0.5 s, so 50 ms each.
const char* const kCurrent = R"({"metadata": {"version": 2, "guidellm_version": "0.7.3"},
 "config": {"model": "acme/tiny"},
 "benchmarks": [{"type_": "generative_benchmark", "config": {"strategy": {"type_": "poisson", "rate": 2.5}},
  "scheduler_metrics": {"start_time": 14.0, "request_start_time": 15.0, "measure_start_time": 20.0,
                        "measure_end_time": 80.0, "end_time": 81.0},
  "metrics": {"request_totals": {"successful": 2}, "requests_per_second": {"successful": {"mean": 2.4}},
              "request_concurrency": {"successful": {"mean": 1.5}},
              "output_tokens_per_second": {"successful": {"mean": 26.4}},
              "time_to_first_token_ms": {"successful": {"mean": 77.0}},
              "time_per_output_token_ms": {"successful": {"mean": 60.0}},
              "inter_token_latency_ms": {"successful": {"mean": 51.0}},
              "request_latency": {"successful": {"mean": 0.7}}},
  "requests": {"successful": [
   {"request_id": "w", "info": {"timings": {"request_start": 15.0, "first_token_iteration": 15.3,
     "last_token_iteration": 19.0}}, "input_metrics": {"text_tokens": 64}, "output_metrics": {"text_tokens": 11}},
   {"request_id": "x", "info": {"timings": {"request_start": 21.0, "first_token_iteration": 21.1,
     "last_token_iteration": 21.6}}, "input_metrics": {"text_tokens": 64}, "output_metrics": {"text_tokens": 11}}]}}]})";

}  // namespace

TEST_CASE("GuideLLM before 0.3: figures of the listed requests, whatever the tool calls TPOT") {
  const MeasuredRun run = read_runs("guidellm_old.json", kOld).at(0);
  CHECK(run.tool == "guidellm (before 0.3)");
  CHECK(run.protocol == Protocol::closed_loop);
  CHECK(run.concurrency == 8);
  CHECK(run.stage_s == 30);
  CHECK(run.load->count_from_s == 3);
  check_figure(run, Figure::mean_ttft, 60);
  check_figure(run, Figure::mean_tpot, 15);
  check_figure(run, Figure::itl_p50, 15);
  check_figure(run, Figure::e2e_mean, 1560);  // (1050 + 2070) / 2
  check_figure(run, Figure::achieved_rps, 0.5);
  check_absent(run, Figure::tpot_mean);
  CHECK(run.isl == 250);
  CHECK(run.osl == 101);
  CHECK(run.load->recorded->size() == 2);
  CHECK(run.engine_text.empty());
}

TEST_CASE("GuideLLM before 0.3: a sample of the requests does not stand for all of them") {
  const MeasuredRun run =
      read_runs("guidellm_sample.json", with(kOld, "\"successful\": 2}", "\"successful\": 50}"))
          .at(0);
  check_figure(run, Figure::mean_ttft, 61);
  check_figure(run, Figure::ttft_p95, 69);
  check_figure(run, Figure::mean_tpot, 14.5);
  check_figure(run, Figure::itl_p50, 14);
  check_figure(run, Figure::e2e_mean, 9000);  // 9 s
  CHECK(run.isl == 250);
  CHECK(run.load->recorded == nullptr);
}

TEST_CASE("GuideLLM before 0.3: a plain file holds its benchmarks in an object") {
  const std::string list(kOld);
  const auto runs = read_runs("guidellm_plain.json",
                              R"({"args": {"model": "acme/tiny"}, "benchmarks": )" + list + "}");
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].model == "acme/tiny");
}

TEST_CASE("GuideLLM before 0.3: the strategies are told apart") {
  const auto strategy = [](const std::string& text) {
    return read_runs("guidellm_strategy.json",
                     with(kOld, R"({"type_": "throughput", "max_concurrency": 8})", text))
        .at(0);
  };
  CHECK(strategy(R"({"type_": "synchronous"})").concurrency == 1);
  CHECK(strategy(R"({"type_": "concurrent", "streams": 6})").concurrency == 6);
  const MeasuredRun constant = strategy(R"({"type_": "constant", "rate": 1.5})");
  CHECK(constant.protocol == Protocol::open_loop);
  CHECK(constant.load->rate == 1.5);
  CHECK(constant.load->burstiness == 0);
  CHECK(strategy(R"({"type_": "poisson", "rate": 1.5})").load->burstiness == 1);
  const Error error = read_error("guidellm_tide.json",
                                 with(kOld, R"("type_": "throughput")", R"("type_": "tide")"));
  CHECK(error.text().find("/args/strategy/type_: strategy \"tide\" is not known") !=
        std::string::npos);
}

TEST_CASE("GuideLLM 0.3 and later: requests outside the measured window are warm-up") {
  const MeasuredRun run = read_runs("guidellm_current.json", kCurrent).at(0);
  CHECK(run.tool == "guidellm");
  CHECK(run.model == "acme/tiny");
  CHECK(run.protocol == Protocol::open_loop);
  CHECK(run.load->rate == 2.5);
  CHECK(run.load->burstiness == 1);
  // The stage begins with the first request, at 15.
  CHECK(run.stage_s == 65);
  CHECK(run.load->count_from_s == 5);
  check_figure(run, Figure::mean_ttft, 100);
  check_figure(run, Figure::mean_tpot, 50);
  check_figure(run, Figure::e2e_mean, 600);
  check_figure(run, Figure::achieved_rps, 2.4);
  check_figure(run, Figure::output_tps, 26.4);
  check_absent(run, Figure::tpot_mean);
  CHECK(run.load->recorded->size() == 1);
}

TEST_CASE("GuideLLM 0.3 and later: the summary serves when requests are not listed") {
  std::string text(kCurrent);
  text = text.substr(0, text.find("\"requests\":")) + "\"requests\": {}}]}";
  const MeasuredRun run = read_runs("guidellm_summary.json", text).at(0);
  check_figure(run, Figure::mean_ttft, 77);
  check_figure(run, Figure::mean_tpot, 51);
  check_figure(run, Figure::e2e_mean, 700);
  CHECK(run.isl == 0);  // to be given by hand
}

TEST_CASE("GuideLLM: a token before its request is an error with the request's place") {
  const Error error = read_error("guidellm_early.json", with(kCurrent, "21.1,", "20.9,"));
  CHECK(error.text().find("/benchmarks/0/requests/successful/1/info/timings") != std::string::npos);
}
