// Validation from measured rows to the report, through the program.
#include <catch2/catch.hpp>

#include <filesystem>

#include "tests/e2e/run.h"

using namespace eph::test;

namespace {

// Six made-up SGLang rows in the layout of serving_runs.csv, below a folder of measured data.
std::string measured_data() {
  const std::string folder = out_path("measured");
  std::filesystem::create_directories(folder + "/h100");
  std::string text =
      "run_id,engine,engine_version,gpu,model,weights_dtype,mode,isl,osl,concurrency,tp,pp,"
      "attention_dp,moe_tp,moe_ep,protocol,mean_ttft_ms,mean_tpot_ms,source\n";
  int id = 0;
  for (const char* lengths : {"256,32", "512,32", "1024,32"}) {
    for (const char* load : {"2,2", "4,4"}) {
      ++id;
      text += "m" + std::to_string(id) + ",sglang,0.5.1,H100-SXM-80GB,Qwen/Qwen3-32B,bf16,agg," +
              lengths + "," + load + ",1,,1,1,burst," + std::to_string(50 + 20 * id) + ",15,test\n";
    }
  }
  spill(folder + "/h100/serving_runs.csv", text);
  return folder;
}

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("held-out rows come as tables, JSON, CSV and picture, and the report quotes them") {
  const std::string data = measured_data();
  const std::string csv = out_path("held.csv"), svg = out_path("held.svg");
  const std::vector<std::string> command{
      "validate", "--cross", "k-fold", "--folds",          "3", "--engine",
      "sglang",   "--data",  data,     "--max-iterations", "1", "--threads",
      "2",        "--out",   csv,      "--picture",        svg};
  const Finished text = ephemeris(command);
  CAPTURE(text.err);
  REQUIRE(text.code == 0);
  CHECK(text.out.starts_with(
      "k-fold (3 folds, seed 1) on h100-sxm: 6 predictions of held-out rows by 3 refits\n"));
  CHECK(text.out.find("\nworst rows\n") != std::string::npos);
  CHECK(occurrences(slurp(csv), "\n") == 7);         // a header and six rows
  CHECK(occurrences(slurp(svg), "<circle ") == 12);  // TTFT and TPOT of each

  std::vector<std::string> as_json = command;
  as_json.emplace_back("--json");
  const Finished json = ephemeris(as_json);
  REQUIRE(json.code == 0);
  CHECK(json.out.find("\"cross\": \"k-fold\"") != std::string::npos);
  const std::string results = out_path("results");
  std::filesystem::create_directories(results);
  spill(results + "/k-fold.json", json.out);

  spill(out_path("quote.in.md"), "# Accuracy\n\n{{table k-fold engine mean_tpot_ms}}\n");
  const Finished report =
      ephemeris({"validate", "--report", out_path("quote.md"), "--from", results});
  CAPTURE(report.err);
  REQUIRE(report.code == 0);
  CHECK(slurp(out_path("quote.md")).find("| sglang | mean_tpot_ms | 6 |") != std::string::npos);
  spill(out_path("typo.in.md"), "\n{{tabel k-fold engine}}\n");
  const Finished typo = ephemeris({"validate", "--report", out_path("typo.md"), "--from", results});
  CHECK(typo.code == 2);
  CHECK(typo.err.find("typo.in.md:2: \"tabel\" is no directive") != std::string::npos);
}

TEST_CASE("a picture of predictions with the shipped profiles has a mark for each figure") {
  const std::string svg = out_path("shipped.svg");
  const Finished done = ephemeris(
      {"validate", "--runs", measured_data() + "/h100/serving_runs.csv", "--picture", svg});
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  CHECK(occurrences(slurp(svg), "<circle ") == 12);
  CHECK(slurp(svg).starts_with("<svg xmlns"));
}

// SGLang's eager steps pay for every launch; nothing of the load or of the other settings changes.
TEST_CASE("validate takes other engine options than the runs had") {
  const std::string runs = measured_data() + "/h100/serving_runs.csv";
  const auto tpot = [&](const std::vector<std::string>& more) {
    const std::string out = out_path("what-if.csv");
    std::vector<std::string> words{"validate", "--runs", runs, "--out", out};
    words.insert(words.end(), more.begin(), more.end());
    const Finished done = ephemeris(words);
    CAPTURE(done.err);
    REQUIRE(done.code == 0);
    return slurp(out);
  };
  const std::string plain = tpot({});
  CHECK(plain == tpot({"--set", "disable_overlap_schedule=false"}));  // as it is by default
  CHECK(plain != tpot({"--set", "disable_cuda_graph=true"}));
  CHECK(plain != tpot({"--set", "disable_overlap_schedule=true"}));
  CHECK(plain != tpot({"--set", "chunked_prefill_size=512"}));
  const Finished foreign = ephemeris({"validate", "--runs", runs, "--set", "n_batch=64"});
  CHECK(foreign.code == 2);
  CHECK(foreign.err.find("n_batch is an option of llama.cpp") != std::string::npos);
  const Finished unknown = ephemeris({"validate", "--runs", runs, "--set", "max_num_token=64"});
  CHECK(unknown.code == 2);
  CHECK(unknown.err.find("is an option of none of vLLM, SGLang, TensorRT-LLM, llama.cpp") !=
        std::string::npos);
  const Finished drafts =
      ephemeris({"validate", "--runs", runs, "--set", "speculative_algorithm=EAGLE"});
  CHECK(drafts.err.find("no measured run has speculative decoding") != std::string::npos);
  const Finished preset = ephemeris({"validate", "--runs", runs, "--preset", "tuned"});
  CHECK(preset.code == 2);
  CHECK(preset.err.find("SGLang has no preset \"tuned\"") != std::string::npos);
}

// 4096 requests and their tokens a step are taken for such runs: by default it is 2048 and 8192,
// which cannot hold a prompt of 20,000 tokens; the tuned preset cuts prompts.
TEST_CASE("a preset replaces the limits that a measured run is taken to have had") {
  const std::string runs =
      spill_out("offline.csv",
                "trtllm_version,model,precision,gpu,tp,isl,osl,output_tok_s_total,note\n"
                "1.0,Llama-3.1-8B,FP8,H100-SXM-80GB,1,128,128,27000,\n"
                "1.0,Llama-3.1-8B,FP8,H100-SXM-80GB,1,20000,2000,800,\n");
  const auto rows = [&](const std::vector<std::string>& more) {
    const std::string out = out_path("preset.csv");
    std::vector<std::string> words{"validate", "--runs", runs, "--out", out};
    words.insert(words.end(), more.begin(), more.end());
    const Finished done = ephemeris(words);
    CAPTURE(done.err);
    REQUIRE(done.code == 0);
    return slurp(out);
  };
  const std::string taken = rows({}), plain = rows({"--preset", "default"}),
                    tuned = rows({"--preset", "tuned"});
  CHECK(taken != plain);
  CHECK(plain != tuned);
  CHECK(occurrences(taken, ",ok\n") == 2);
  CHECK(occurrences(plain, "not predicted") == 1);
  CHECK(occurrences(tuned, ",ok\n") == 2);
  CHECK(rows({"--preset", "default", "--set", "enable_chunked_prefill=true"}) != plain);
}
