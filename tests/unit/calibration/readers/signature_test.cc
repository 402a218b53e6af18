// Which format a file is of, and what is said of files that are of none.
#include "tests/unit/calibration/readers/reader_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

const char* const kBatchLine =
    R"({"batch_size": 4, "input_len": 500, "output_len": 2, "prefill_latency": 0.25, "total_latency": 0.5})";
const char* const kLlamaLine =
    R"({"build_commit": "c", "n_prompt": 10, "n_gen": 0, "avg_ns": 1000000, "avg_ts": 10000.0})";

}  // namespace

TEST_CASE("a file's name does not matter, only what is in it") {
  CHECK(read_runs("anything.csv", kBatchLine).at(0).tool == "sglang bench_one_batch");
  CHECK(read_runs("anything.txt", std::string("\xef\xbb\xbf") + kLlamaLine).at(0).tool ==
        "llama-bench");
}

TEST_CASE("keys that fit no format list what is known") {
  const Error error = read_error("unknown.json", R"({"speed": 3})");
  CHECK(error.kind == ErrorKind::usage);
  CHECK(error.text().find("unknown.json:1: the keys fit no known format") != std::string::npos);
  for (const char* name : {"vllm bench serve", "sglang bench_one_batch", "guidellm", "trtllm-bench",
                           "llama-bench", "inferencex", "request log", "aiperf"}) {
    CHECK(error.text().find(name) != std::string::npos);
  }
}

TEST_CASE("two formats in one file are an error with the line of the second") {
  const Error error = read_error("mixed.jsonl", std::string(kBatchLine) + "\n" + kLlamaLine + "\n");
  CHECK(error.text().find(
            "mixed.jsonl:2: a record of llama-bench among records of sglang bench_one_batch") !=
        std::string::npos);
}

TEST_CASE("a truncated document is damaged, not wrong") {
  const Error whole = read_error("cut.json", R"({"batch_size": 4, "input_len": 500,)");
  CHECK(whole.kind == ErrorKind::io);
  CHECK(whole.text().find("cut.json:1") != std::string::npos);
  CHECK(whole.text().find("the file ends in the middle of a value") != std::string::npos);
  const Error line =
      read_error("cut.jsonl", std::string(kBatchLine) + "\n{\"batch_size\": 4, \"inp");
  CHECK(line.kind == ErrorKind::io);
  CHECK(line.text().find("cut.jsonl:2") != std::string::npos);
}

TEST_CASE("a broken line among whole ones is an error with its line") {
  const Error error = read_error(
      "broken.jsonl", std::string(kBatchLine) + "\n{\"batch_size\": }\n" + kBatchLine + "\n");
  CHECK(error.kind == ErrorKind::usage);
  CHECK(error.text().find("broken.jsonl:2:") != std::string::npos);
}

TEST_CASE("a missing key names its path, and a wrong type the value") {
  const Error missing = read_error("missing.jsonl", with(kBatchLine, "\"output_len\": 2, ", ""));
  CHECK(missing.text().find(
            "missing.jsonl:1: /output_len: no such key; the format has a whole number there") !=
        std::string::npos);
  const Error wrong = read_error("wrong.jsonl", with(kBatchLine, "0.25", "\"quick\""));
  CHECK(wrong.text().find("wrong.jsonl:1: /prefill_latency: \"quick\" is a string") !=
        std::string::npos);
  const Error negative = read_error("negative.jsonl", with(kBatchLine, "0.25", "-0.25"));
  CHECK(negative.text().find("/prefill_latency: -0.25 is negative") != std::string::npos);
}

TEST_CASE("text that is neither JSON nor a table lists what is known") {
  const Error error = read_error("notes.md", "# Notes\n\nRuns, and what they said.\n");
  CHECK(error.kind == ErrorKind::usage);
  CHECK(error.text().find("notes.md:1: neither JSON nor a table with a header line") !=
        std::string::npos);
  CHECK(error.remedy.find("vllm bench serve") != std::string::npos);
}

TEST_CASE("a list of anything but objects, an empty list and an empty file are errors") {
  CHECK(read_error("numbers.json", "[1, 2]").text().find("the list holds an integer") !=
        std::string::npos);
  CHECK(read_error("empty.json", "[]").text().find("no records") != std::string::npos);
  CHECK(read_error("nothing.json", "").kind == ErrorKind::usage);
}

TEST_CASE("a document of a known format without results is an error") {
  const Error error = read_error("no_results.json",
                                 R"({"metadata": {"guidellm_version": "0.7"}, "benchmarks": []})");
  CHECK(error.text().find("no results of guidellm") != std::string::npos);
}

TEST_CASE("of many faults the first ones are told and the others counted") {
  std::string text;
  for (int i = 0; i < 30; ++i) text += with(kBatchLine, "0.25", "-1") + "\n";
  const std::string said = read_error("many.jsonl", text).text();
  CHECK(std::count(said.begin(), said.end(), '\n') == 10);
  CHECK(said.find("and 20 more faults") != std::string::npos);
}

TEST_CASE("NaN in a result means that nothing was measured") {
  const std::string text =
      R"({"batch_size": 4, "input_len": 500, "output_len": 2, "prefill_latency": NaN,
                               "total_latency": 0.5})";
  CHECK(read_error("nan.json", text).text().find("/prefill_latency") != std::string::npos);
}
