#include "tests/unit/calibration/readers/reader_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

// TTFT 100, 200 and 300 ms; TPOT 10, 20 and 30 ms over 10 further tokens each.
const char* const kSeconds =
    "request,arrival_s,prompt_tokens,output_tokens,first_token_s,last_token_s\n"
    "a,10.0,100,11,10.1,10.2\n"
    "b,10.5,200,11,10.7,10.9\n"
    "c,12.0,300,11,12.3,12.6\n";

}  // namespace

TEST_CASE("a request log in CSV gives percentiles over its requests and their arrivals") {
  const MeasuredRun run = read_runs("log.csv", kSeconds).at(0);
  CHECK(run.tool == "request log");
  CHECK(run.protocol == Protocol::recorded);
  CHECK(run.isl == 200);
  CHECK(run.osl == 11);
  check_figure(run, Figure::mean_ttft, 200);
  check_figure(run, Figure::ttft_p50, 200);
  check_figure(run, Figure::ttft_p95, 290);  // 200 + 0.9 * 100
  check_figure(run, Figure::mean_tpot, 20);
  check_figure(run, Figure::itl_p99, 29.8);
  check_figure(run, Figure::e2e_mean, 400);          // (200 + 400 + 600) / 3
  check_figure(run, Figure::achieved_rps, 3 / 2.6);  // from 10.0 to 12.6
  REQUIRE(run.load->recorded->size() == 3);
  CHECK(run.load->recorded->at(2).at_s == 2);
  CHECK(run.load->recorded->at(2).prompt_tokens == 300);
}

TEST_CASE("columns of a request log may have other names and units") {
  // The first two requests again: milliseconds from another origin, and microseconds.
  const MeasuredRun ms =
      read_runs("log_ms.csv",
                "arrival_time_ms,input_tokens,completion_tokens,first_token_time_ms,end_time_ms\n"
                "500,100,11,600,700\n1000,200,11,1200,1400\n")
          .at(0);
  check_figure(ms, Figure::mean_ttft, 150);
  check_figure(ms, Figure::mean_tpot, 15);
  const MeasuredRun us =
      read_runs("log_us.csv",
                "arrival_time_us,input_tokens,output_tokens,first_chunk_time_us,last_chunk_time_us,"
                "status\n"
                "500000,100,11,600000,700000,ok\n900000,100,11,900001,900002,timeout\n")
          .at(0);
  check_figure(us, Figure::mean_ttft, 100);
  CHECK(us.load->recorded->size() == 1);
  CHECK(us.note.find("1 requests without an answer") != std::string::npos);
}

TEST_CASE("a request log in JSON-lines, or with durations for times") {
  const MeasuredRun points =
      read_runs(
          "log.jsonl",
          R"({"arrival_time": 3.0, "input_toks": 9, "output_toks": 3, "first_token_ts": 3.5, "last_token_ts": 4.5})"
          "\n"
          R"({"arrival_time": 4.0, "input_toks": 9, "output_toks": 3, "first_token_ts": 4.5, "last_token_ts": 5.5})")
          .at(0);
  check_figure(points, Figure::mean_ttft, 500);
  check_figure(points, Figure::mean_tpot, 500);
  const MeasuredRun spans = read_runs("spans.csv",
                                      "timestamp,prompt_tokens,output_tokens,ttft_ms,e2e_ms\n"
                                      "0,10,5,50,90\n")
                                .at(0);
  check_figure(spans, Figure::mean_ttft, 50);
  check_figure(spans, Figure::mean_tpot, 10);
}

TEST_CASE("bad rows of a request log are errors with line and column") {
  CHECK(read_error("log_early.csv", with(kSeconds, "10.7", "10.4"))
            .text()
            .find("log_early.csv:3: /first_token_s: the first token is before the arrival") !=
        std::string::npos);
  CHECK(read_error("log_word.csv", with(kSeconds, "12.3", "noon"))
            .text()
            .find("log_word.csv:4: /first_token_s: the time is no number") != std::string::npos);
  CHECK(read_error("log_zero.csv", with(kSeconds, "b,10.5,200", "b,10.5,0"))
            .text()
            .find("log_zero.csv:3: /prompt_tokens: 0 is out of range") != std::string::npos);
}
