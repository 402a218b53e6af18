// Request logs through the program: a profile from a log, its use, and options that do not fit.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/e2e/run.h"

using namespace eph::test;

namespace {

// Sixty requests, one every 0.5 s; a step of the engine that wrote them takes 20 ms, a prompt 50
// ms.
std::string log_folder() {
  const std::string folder = out_path("log");
  std::filesystem::create_directories(folder);
  std::string text;
  for (int i = 0; i < 60; ++i) {
    const double at = 100 + 0.5 * i;
    text += fmt::format(
        "{{\"input_toks\": 400, \"output_toks\": 50, \"arrival_time\": {}, \"first_token_ts\": {}, "
        "\"last_token_ts\": {}}}\n",
        at, at + 0.07, at + 0.07 + 49 * 0.021);
  }
  spill(folder + "/requests.jsonl", text);
  return folder;
}

std::vector<std::string> on_4090(std::vector<std::string> words) {
  for (const char* word : {"--gpu", "rtx-4090", "--model", "meta-llama/Llama-3.1-8B"})
    words.emplace_back(word);
  return words;
}

void check_refused(const std::vector<std::string>& words, int code, const std::string& part) {
  const Finished done = ephemeris(words);
  CAPTURE(words, done.err);
  CHECK(done.code == code);
  CHECK(done.out.empty());
  CHECK(done.err.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("a profile fitted on a log serves validate and simulate") {
  const std::string profile = out_path("log_profile.json");
  const Finished fitted =
      ephemeris(on_4090({"calibrate", "--log", log_folder(), "--out", profile}));
  CAPTURE(fitted.err);
  REQUIRE(fitted.code == 0);
  CHECK(fitted.out.find("us_per_token") != std::string::npos);
  const Finished validated = ephemeris(
      on_4090({"validate", "--runs", log_folder(), "--profile", profile, "--second-half"}));
  CAPTURE(validated.err);
  REQUIRE(validated.code == 0);
  CHECK(validated.out.find("TTFT p95") != std::string::npos);
  CHECK(validated.out.find("makespan") != std::string::npos);
  const std::string trace =
      spill_out("one.csv", "arrival_s,prompt_tokens,output_tokens\n0,400,50\n");
  const std::vector<std::string> simulate{"simulate",
                                          "--trace",
                                          trace,
                                          "--profile",
                                          profile,
                                          "--model",
                                          "meta-llama/Llama-3.1-8B",
                                          "--max-model-len",
                                          "4096"};
  std::vector<std::string> same = simulate, other = simulate;
  same.insert(same.end(), {"--gpu", "rtx-4090"});
  other.insert(other.end(), {"--gpu", "l40s"});
  const Finished simulated = ephemeris(same);
  CAPTURE(simulated.err);
  CHECK(simulated.code == 0);
  check_refused(other, 2, "the compact profile is of");
}

TEST_CASE("options that do not fit a request log are refused") {
  const std::string out = out_path("unused.json");
  check_refused({"calibrate", "--first-half", "--out", out}, 2, "--first-half is for request logs");
  check_refused({"calibrate", "--engine", "vllm", "--tp", "2", "--data", ".", "--out", out}, 2,
                "--tp 2 has no effect without --runs");
  check_refused({"calibrate", "--engine", "vllm", "--dp", "2", "--data", ".", "--out", out}, 2,
                "--dp is for request logs");
  check_refused({"calibrate", "--log", log_folder(), "--isl", "400", "--out", out}, 2,
                "--isl has no effect on a fit from a request log");
  check_refused({"calibrate", "--log", log_folder(), "--runs", "x.json", "--out", out}, 2,
                "--runs has no effect on a fit from a request log");
  check_refused({"calibrate", "--log", log_folder(), "--splits", "2", "--out", out}, 2,
                "--splits has no effect on a fit from a request log");
  check_refused({"calibrate", "--log", log_folder()}, 2, "no profile file is given");
  check_refused({"calibrate", "--log", log_folder(), "--out", out}, 3, "meta.json");
  check_refused({"validate", "--runs", out_path("")}, 3, "holds no requests.jsonl");
  check_refused(on_4090({"validate", "--runs", log_folder(), "--concurrency", "4"}), 2,
                "--concurrency has no effect on a request log");
  check_refused(on_4090({"validate", "--runs", log_folder(), "--engine", "llamacpp"}), 2,
                "request logs of llama.cpp are not replayed");
  check_refused({"validate", "--runs", log_folder(), "--model", "a=b"}, 2, "WRITTEN=NAME");
  const std::string table = spill_out("runs.csv", "run_id\n");
  check_refused({"validate", "--runs", table, "--second-half"}, 2,
                "--second-half is for request logs");
  check_refused({"validate", "--runs", table, "--block-size", "32"}, 2,
                "--block-size is for request logs");
  check_refused({"validate", "--runs", table, "--series", out}, 2, "--series is for request logs");
  check_refused({"validate", "--runs", table, "--prefixes", table}, 2,
                "--prefixes is for request logs");
  check_refused(on_4090({"validate", "--runs", log_folder(), "--series", out}), 2,
                "holds no timeseries.csv");
}

TEST_CASE("a log without requests is refused by both commands with what to give") {
  const std::string folder = out_path("emptylog");
  std::filesystem::create_directories(folder);
  spill(folder + "/requests.jsonl", "");
  const std::string remedy =
      "the log holds no requests; give a line for each request that finished";
  check_refused(on_4090({"validate", "--runs", folder}), 2, remedy);
  check_refused(on_4090({"calibrate", "--log", folder, "--out", out_path("unused.json")}), 2,
                remedy);
}

TEST_CASE("a replayed log is drawn, and its levels over time are written") {
  const std::string folder = log_folder();
  // Every second one request runs, now and then two: 50 ms a prompt and 49 tokens at 21 ms, twice a
  // second.
  std::string series = "t,running,waiting,kv_cache_pct\n";
  for (int i = 1; i <= 30; ++i) series += fmt::format("{},2,0,1\n", i);
  spill(folder + "/timeseries.csv", series);
  const std::string
      picture = out_path("replay.svg"),
      levels = out_path("levels.csv"),
      profile = spill_out(
          "replay.json",
          R"({"form": "linear", "t0_ms": 20, "us_per_prefill_token": 75, "us_per_decode_sequence": 0, "ns_per_kv_token": 0})");
  const Finished done = ephemeris(on_4090({"validate", "--runs", folder, "--profile", profile,
                                           "--picture", picture, "--series", levels}));
  std::filesystem::remove(folder + "/timeseries.csv");
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  CHECK(done.out.find("queue p95") == std::string::npos);  // the log has no scheduled_ts
  const std::string svg = slurp(picture), csv = slurp(levels);
  CHECK(svg.find("Replay of a request log: log") != std::string::npos);
  CHECK(svg.find("KV cache") != std::string::npos);
  CHECK(csv.find("t_s,running,waiting,kv_percent,pred_running") == 0);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 31);
}
