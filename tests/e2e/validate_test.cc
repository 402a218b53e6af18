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
