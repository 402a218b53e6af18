// Bad input tried on purpose: one clear error each, exit code 2 (wrong content) or 3 (unreadable).
#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/e2e/run.h"

using namespace eph::test;

namespace {

void check_error(const std::vector<std::string>& words, int code, const std::string& error) {
  const Finished done = ephemeris(words);
  CAPTURE(words, done.out);
  CHECK(done.code == code);
  CHECK(done.out.empty());
  CHECK(done.err == "ephemeris: error: " + error + "\n");
}

std::vector<std::string> with_trace(const std::string& path) {
  return on_linear({"--trace", path});
}

}  // namespace

TEST_CASE("a fault in the first row of a Mooncake trace is reported, not an empty run") {
  const std::string trace = spill_out(
      "first.jsonl",
      "{\"timestamp\":0,\"input_length\":\"x\",\"output_length\":40,\"hash_ids\":[0,1,2]}\n"
      "{\"timestamp\":3000,\"input_length\":1100,\"output_length\":40,\"hash_ids\":[0,1,2]}\n");
  const Finished done = ephemeris(on_linear({"--trace", trace}));
  CHECK(done.code == 2);
  CHECK(done.out.empty());
  CHECK(done.err.find("first.jsonl:1:") != std::string::npos);
}

TEST_CASE("a missing file is an error of kind 3") {
  check_error(with_trace("no/such/trace.csv"), 3,
              "no/such/trace.csv: cannot open: No such file or directory; check the path");
  check_error({"simulate", "no/such.json"}, 3,
              "no/such.json: cannot open: No such file or directory; check the path");
}

TEST_CASE("a truncated gzip file is an error of kind 3 that names the file") {
  const std::string plain = spill_out("whole.csv", [] {
    std::string text = "arrival_s,prompt_tokens,output_tokens\n";
    for (int i = 0; i < 5000; ++i)
      text += std::to_string(i) + "," + std::to_string(17 * i % 997 + 1) + ",5\n";
    return text;
  }());
  REQUIRE(run_program("/bin/gzip", {"-kf", plain}).code == 0);
  const std::string packed = slurp(plain + ".gz");
  const std::string path = spill_out("cut.csv.gz", packed.substr(0, packed.size() / 2));
  const Finished done = ephemeris(with_trace(path));
  CHECK(done.code == 3);
  CHECK(done.out.empty());
  CHECK(done.err.find("ephemeris: error: " + path + ":") == 0);
  CHECK(done.err.find("truncated") != std::string::npos);
}

TEST_CASE("a negative token count is an error that names the line") {
  const std::string path =
      spill_out("negative.csv", "arrival_s,prompt_tokens,output_tokens\n0,10,5\n1,-3,5\n");
  const Finished done = ephemeris(with_trace(path));
  CAPTURE(done.err);
  CHECK(done.code == 2);
  CHECK(done.err.find("ephemeris: error: " + path + ":3: ") == 0);
  CHECK(done.err.find("-3") != std::string::npos);
}

TEST_CASE("timestamps out of order are an error that names the line") {
  const std::string path =
      spill_out("order.csv", "arrival_s,prompt_tokens,output_tokens\n5,10,5\n1,3,5\n");
  const Finished done = ephemeris(with_trace(path));
  CAPTURE(done.err);
  CHECK(done.code == 2);
  CHECK(done.err.find("ephemeris: error: " + path + ":3: ") == 0);
}

TEST_CASE("an empty file, a folder and a file of another kind are errors") {
  CHECK(ephemeris(with_trace(spill_out("empty.csv", ""))).code == 2);
  CHECK(ephemeris(with_trace(EPH_TEST_OUT)).code == 3);
  CHECK(ephemeris(with_trace(spill_out("poem.csv", "roses are red\nviolets are blue\n"))).code ==
        2);
}

TEST_CASE("a model that does not fit is an error, with the sizes") {
  const Finished done =
      ephemeris({"simulate", "--model", "meta-llama/Llama-3.1-70B-Instruct", "--gpu", "h100-sxm",
                 "--profile", linear_profile(), "--requests", "5"});
  CAPTURE(done.err);
  CHECK(done.code == 2);
  CHECK(done.out.empty());
  CHECK(done.err.find("ephemeris: error: ") == 0);
  CHECK(done.err.find("141.1 GB of weights per GPU") != std::string::npos);
}

TEST_CASE(
    "a candidate that does not fit is a row with its reason in a plan, which is not feasible") {
  const Finished done =
      ephemeris({"plan", "--model", "meta-llama/Llama-3.1-70B-Instruct", "--gpu", "h100-sxm",
                 "--profile", linear_profile(), "--requests", "5", "--slo", "p95_ttft=9s"});
  CAPTURE(done.err, done.out);
  CHECK(done.code == 1);
  CHECK(done.out.find("no candidate is feasible") != std::string::npos);
  CHECK(done.out.find("141.1 GB of weights per GPU") != std::string::npos);
}

TEST_CASE("tensor parallelism that does not divide the heads is an error that says what does") {
  const Finished done = ephemeris(on_linear({"--requests", "5", "--tp", "3"}));
  CAPTURE(done.err);
  CHECK(done.code == 2);
  CHECK(done.err.find("tp 3 does not divide the 32 attention heads") != std::string::npos);
  CHECK(done.err.find("1, 2, 4, 8") != std::string::npos);
}

TEST_CASE("unknown names are answered with what was meant") {
  CHECK(ephemeris({"simulate", "--model", "meta-llama/Lama-3.1-8B-Instruct", "--requests", "5"})
            .err.find("did you mean") != std::string::npos);
  CHECK(ephemeris(on_linear({"--requests", "5", "--gpu", "h100sxm"})).err.find("did you mean") !=
        std::string::npos);
}

TEST_CASE("all faults of a scenario file are reported at once, each with its line") {
  const std::string path = spill_out("faults.json", R"({
  "version": 1,
  "deployment": {"model": "m", "tp": 0, "engin": "vllm"},
  "workload": {"model": "azure-conv-2023", "to": 600}
})");
  const Finished done = ephemeris({"simulate", path});
  CAPTURE(done.err);
  CHECK(done.code == 2);
  CHECK(std::count(done.err.begin(), done.err.end(), '\n') == 3);
  CHECK(done.err.find("faults.json:3:") != std::string::npos);
  CHECK(done.err.find("/deployment/engin: unknown key; did you mean \"engine\"?") !=
        std::string::npos);
  CHECK(done.err.find("/workload/to: 600 has no unit") != std::string::npos);
}

TEST_CASE("a file that is no JSON is an error with its line") {
  const std::string path = spill_out("broken.json", "{\n  \"version\": 1,,\n}\n");
  const Finished done = ephemeris({"simulate", path});
  CAPTURE(done.err);
  CHECK(done.code == 2);
  CHECK(done.err.find("broken.json:2:") != std::string::npos);
}

// Sparse: two GiB of zero bytes that take no room on the disk.
TEST_CASE("a line of 2 GB is refused in bounded memory and time") {
  const std::string path = out_path("long_line.csv");
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  REQUIRE(file >= 0);
  REQUIRE(ftruncate(file, off_t{2} << 30) == 0);
  close(file);
  const Finished done = ephemeris(with_trace(path));
  unlink(path.c_str());
  CAPTURE(done.err);
  CHECK(done.code == 3);
  CHECK(done.out.empty());
  CHECK(done.err.find("ephemeris: error: " + path + ":1: ") == 0);
  CHECK(done.peak_kib < 600 * 1024);
  CHECK(done.seconds < 30);
}

TEST_CASE("a result that cannot be written is an error of kind 3") {
  check_error(on_linear({"--requests", "5", "--requests-out", "/nonexistent-folder/r.csv"}), 3,
              "/nonexistent-folder/r.csv: cannot be written: No such file or directory");
}
