#include <catch2/catch.hpp>

#include <filesystem>

#include "calibration/log_replay.h"
#include "calibration/request_log.h"
#include "tests/unit/calibration/calibration_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

const char* const kMeta =
    R"({"model": "meta-llama/Llama-3.1-8B", "vllm_version": "0.19.0",
        "kv_cache": {"num_gpu_blocks": 2588, "block_size": 16},
        "hardware": {"device_name": "NVIDIA GeForce RTX 4090"},
        "engine": {"tensor_parallel_size": 1, "max_num_seqs": 256, "max_num_batched_tokens": 2048,
                   "max_model_len": null}})";

std::string log_folder(const std::string& name, const std::string& meta,
                       const std::string& requests) {
  std::filesystem::create_directories(std::string(EPH_TEST_OUT) + "/" + name);
  write_temporary(name + "/meta.json", meta);
  write_temporary(name + "/requests.jsonl", requests);
  return std::string(EPH_TEST_OUT) + "/" + name;
}

}  // namespace

TEST_CASE("a request log is read with engine settings, blocks and clocks") {
  // Queued 0.5 and 0.2 s after arrival on a clock that is 900 s behind: the offset is the smaller,
  // -899.8.
  const std::string folder = log_folder(
      "log", kMeta,
      R"({"request_id": "b", "input_toks": 20, "output_toks": 5, "arrival_time": 1001, "queued_ts": 101.2, "scheduled_ts": 101.3, "first_token_ts": 101.5, "last_token_ts": 102}
{"request_id": "a", "input_toks": 10, "output_toks": 3, "arrival_time": 1000, "queued_ts": 100.5, "scheduled_ts": 100.6, "first_token_ts": 100.7, "last_token_ts": 101}
)");
  CHECK(is_request_log(folder));
  const auto log = load_request_log(folder);
  INFO((log ? std::string() : log.error().text()));
  REQUIRE(log.has_value());
  CHECK(log->gpu_blocks == 2588);
  CHECK(log->gpu == "NVIDIA GeForce RTX 4090");
  CHECK(log->max_num_seqs == 256);
  CHECK(log->max_model_len == 0);
  REQUIRE(log->requests.size() == 2);
  CHECK(log->requests[0].id == "a");
  CHECK(log->clock_offset_s == Approx(-899.8));
}

TEST_CASE("a bad line of a request log is reported with its number") {
  const std::string folder = log_folder(
      "badlog", kMeta, "{\"request_id\": \"a\", \"input_toks\": -1, \"output_toks\": 3}\n");
  const auto log = load_request_log(folder);
  REQUIRE_FALSE(log.has_value());
  CHECK(log.error().text().find("requests.jsonl:1: input_toks and output_toks") !=
        std::string::npos);
}

TEST_CASE("a folder without requests is no request log") {
  CHECK_FALSE(is_request_log(std::string(EPH_TEST_OUT)));
  CHECK_FALSE(is_request_log("no/such/folder"));
}

TEST_CASE("a log without requests is refused with what to give") {
  const auto log = load_request_log(log_folder("emptylog", kMeta, ""));
  REQUIRE_FALSE(log.has_value());
  CHECK(log.error().kind == ErrorKind::usage);
  CHECK(log.error().text().find(
            "requests.jsonl:1: the log holds no requests; give a line for each request") !=
        std::string::npos);
}

TEST_CASE("facts from the command line replace meta.json") {
  const std::string folder = std::string(EPH_TEST_OUT) + "/plainlog";
  std::filesystem::create_directories(folder);
  write_temporary("plainlog/requests.jsonl",
                  "{\"input_toks\": 9, \"output_toks\": 5, \"arrival_time\": 1, "
                  "\"first_token_ts\": 1.1, \"last_token_ts\": 1.3}\n");
  // Without facts the missing file is the error.
  const auto none = load_request_log(folder);
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().text().find("meta.json") != std::string::npos);
  LogFacts facts;
  facts.model = "meta-llama/Llama-3.1-8B";
  facts.gpu = "l4";
  facts.tensor_parallel = 2;
  facts.kv_blocks = 77;
  const auto log = load_request_log(folder, facts);
  INFO((log ? std::string() : log.error().text()));
  REQUIRE(log.has_value());
  CHECK(log->tensor_parallel == 2);
  CHECK(log->gpu_blocks == 77);
  CHECK(log->clock_offset_s == 0);  // one clock for all times
}

TEST_CASE("times of a request log must make sense together") {
  const auto error_of = [](const std::string& requests) {
    const auto log = load_request_log(log_folder("oddlog", kMeta, requests));
    return log ? std::string() : log.error().text();
  };
  const std::string plain =
      R"({"input_toks": 9, "output_toks": 5, "arrival_time": 1, "first_token_ts": 1.1, "last_token_ts": 1.3})";
  CHECK(error_of(plain + "\n").empty());
  CHECK(
      error_of(
          R"({"input_toks": 9, "output_toks": 5, "arrival_time": 5, "first_token_ts": 1.1, "last_token_ts": 1.3})"
          "\n")
          .find("requests.jsonl:1: first_token_ts lies before the arrival") != std::string::npos);
  CHECK(
      error_of(
          R"({"input_toks": 9, "output_toks": 5, "arrival_time": 1, "first_token_ts": 1.4, "last_token_ts": 1.3})"
          "\n")
          .find("last_token_ts lies before first_token_ts") != std::string::npos);
  CHECK(
      error_of(
          plain + "\n" +
          R"({"input_toks": 9, "output_toks": 5, "arrival_time": 1, "queued_ts": 1, "first_token_ts": 1.1, "last_token_ts": 1.3})"
          "\n")
          .find("queued_ts is there for some requests") != std::string::npos);
}

TEST_CASE("a log's KV cache has the number format that its engine was given") {
  const std::string row =
      R"({"request_id": "a", "input_toks": 10, "output_toks": 3, "arrival_time": 1000, "queued_ts": 100.5, "scheduled_ts": 100.6, "first_token_ts": 100.7, "last_token_ts": 101})"
      "\n";
  const auto set_up_with = [&](const std::string& kv) {
    std::string meta = kMeta;
    meta.replace(meta.find("\"engine\": {"), 11,
                 "\"engine\": {\"kv_cache_dtype\": \"" + kv + "\", ");
    const auto log = load_request_log(log_folder("log_kv", meta, row));
    REQUIRE(log);
    return set_up(*log, shipped_catalog(), {});
  };
  const auto automatic = set_up_with("auto"), eight = set_up_with("fp8_e4m3");
  REQUIRE(automatic);
  REQUIRE(eight);
  CHECK(automatic->deployment.context.kv_precision == models::Precision::bf16);
  CHECK(eight->deployment.context.kv_precision == models::Precision::fp8);
  CHECK_FALSE(set_up_with("fp3").has_value());
}
