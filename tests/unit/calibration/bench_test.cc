// llama-bench rows: names, places, work, and that the fit finds what made them.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "calibration/cpu/bench_calibration.h"
#include "calibration/cpu/bench_fit.h"
#include "calibration/held_out.h"
#include "models/step_profile.h"
#include "tests/unit/calibration/calibration_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

const char* const kHeader =
    "vendor,instance,model,n_params,model_size,n_prompt,n_gen,n_threads,n_gpu_layers,gpu,backend,"
    "build,avg_ts,stddev_ts,n_batch,n_ubatch,type_k,flash_attn\n";

std::string row(const std::string& instance, const std::string& model, int prompt, int output,
                int threads, double speed, const std::string& gpu = "") {
  return fmt::format("aws,{},{},1,4080263168,{},{},{},{},{},X,4753,{},1,2048,512,f16,True\n",
                     instance, model, prompt, output, threads, gpu.empty() ? 0 : 999, gpu, speed);
}

Result<BenchTable> read(const std::string& text) {
  auto table = CsvTable::load(write_temporary("bench.csv", kHeader + text));
  REQUIRE(table.has_value());
  REQUIRE(is_bench_runs(*table));
  return read_bench_runs(std::move(*table), shipped_catalog());
}

}  // namespace

TEST_CASE("a GGUF file's name says its model and its number format") {
  CHECK(parse_gguf_name("SmolLM-135M.Q4_K_M.gguf").model == "SmolLM-135M");
  CHECK(parse_gguf_name("SmolLM-135M.Q4_K_M.gguf").precision == "q4_k_m");
  CHECK(parse_gguf_name("qwen1_5-0_5b-chat-q4_k_m.gguf").model == "qwen1_5-0_5b-chat");
  CHECK(parse_gguf_name("phi-4-q4.gguf").model == "phi-4");
  CHECK(parse_gguf_name("phi-4-q4.gguf").precision == "q4_k_m");
  CHECK(parse_gguf_name("llama-7b.Q8_0.gguf").precision == "q8_0");
  CHECK(parse_gguf_name("qwen2.gguf").precision.empty());
}

TEST_CASE("a llama-bench row becomes a place and the work of a token") {
  const auto bench = read(row("m7i.large", "llama-7b.Q4_K_M.gguf", 1024, 0, 1, 5) +
                          row("m7i.large", "llama-7b.Q4_K_M.gguf", 0, 129, 1, 2) +
                          row("g5.xlarge", "llama-7b.Q4_K_M.gguf", 512, 0, 2, 900, "NVIDIA A10G") +
                          row("unknown.large", "llama-7b.Q4_K_M.gguf", 512, 0, 1, 5) +
                          row("m7i.large", "nobody.Q4_K_M.gguf", 512, 0, 1, 5));
  REQUIRE(bench.has_value());
  const BenchRow& prompt = bench->rows[0];
  CHECK(prompt.kind == "sapphire-rapids");
  CHECK(prompt.cls == "amx");
  CHECK(prompt.model == "meta-llama/Llama-2-7b-hf");
  CHECK(prompt.precision == "q4_k_m");
  CHECK(prompt.prompt);
  // 32 layers crossed twice (two micro-batches of 512) for 1024 tokens.
  CHECK(prompt.work.layer_passes == Approx(64.0 / 1024));
  // All but the embedding of the 4.08 GB, twice.
  CHECK(prompt.work.bytes == Approx(2 * 4080263168.0 / 1024).epsilon(0.03));
  // 6.74e9 parameters less two tables of 32000 * 4096.
  CHECK(prompt.work.linear_flops == Approx(2 * (6738415616.0 - 2 * 131072000)));
  const BenchRow& output = bench->rows[1];
  CHECK_FALSE(output.prompt);
  // Mean context (129 - 1) / 2 = 64 of 32 layers * 2 * 4096 * 2 bytes.
  CHECK(output.work.kv_bytes == Approx(64 * 524288.0));
  CHECK(bench->rows[2].kind == "a10g");
  CHECK(bench->rows[2].cls == "cuda");
  CHECK(bench->rows[2].cores == 1);
  CHECK(bench->rows[3].left_out == "its processor is not in the catalogue");
  CHECK_FALSE(bench->rows[4].left_out.empty());
}

TEST_CASE("a processor on which only tiny models ran is left out") {
  const std::string tiny =
      "aws,m8a.large,SmolLM-135M.Q4_K_M.gguf,1,103668480,512,0,1,0,,CPU,4753,900,1,2048,512,f16,"
      "1\n";
  const auto bench = read(tiny + row("m7i.large", "llama-7b.Q4_K_M.gguf", 512, 0, 1, 5));
  REQUIRE(bench.has_value());
  CHECK(bench->rows[0].left_out == "only models below 1 GB were measured on turin");
  CHECK(bench->rows[1].left_out.empty());
}

TEST_CASE("the fit of llama-bench rows predicts a machine of another size that it has not seen") {
  // Rates of "genoa" made up within what the priors allow; machines are exactly their kind.
  models::CpuProfile truth;
  truth.classes = {{"avx512", 400, 2, 200, 4, 0.4}};
  truth.kinds = {{"genoa", "avx512", 15, 20e9, 250e9, 130e9, 9e12, 0}};
  std::string text;
  for (const auto& [instance, threads] : {std::pair{"c7a.large", 1},
                                          {"c7a.xlarge", 4},
                                          {"c7a.4xlarge", 16},
                                          {"c7a.24xlarge", 96},
                                          {"c7a.16xlarge", 64}}) {
    for (const char* model : {"SmolLM-135M.Q4_K_M.gguf", "llama-7b.Q4_K_M.gguf"}) {
      for (const int n : {16, 512, 4096}) {
        text += row(instance, model, n, 0, threads, 1);
        text += row(instance, model, 0, n, threads, 1);
      }
    }
  }
  auto bench = read(text);
  REQUIRE(bench.has_value());
  for (BenchRow& r : bench->rows) r.tokens_per_s = predict_bench(truth, r);
  std::vector<bool> used(bench->rows.size(), true);
  for (std::size_t i = 0; i < used.size(); ++i) used[i] = bench->rows[i].machine != "c7a.16xlarge";
  const models::CpuProfile fit = fit_bench(bench->rows, used);
  for (const BenchRow& r : bench->rows) {
    INFO(r.machine << " " << r.model << (r.prompt ? " prompt" : " generation"));
    CHECK(predict_bench(fit, r) == Approx(r.tokens_per_s).epsilon(0.05));
  }
}

TEST_CASE("an interval holds nine tenths of the errors it was made from") {
  std::vector<double> logs;
  std::vector<std::string> groups;
  for (int i = -50; i <= 50; ++i) {
    logs.push_back(i / 100.0);
    groups.push_back(i % 2 == 0 ? "even" : "odd");
  }
  // The 90th percentile of |i| / 100 is 0.45.
  CHECK(interval_sd(logs) == Approx(0.45 / 1.6448536).epsilon(0.02));
  CHECK(interval_coverage(logs, groups) == Approx(0.9).margin(0.02));
  CHECK(interval_coverage(logs, std::vector<std::string>(logs.size(), "one")) == -1);
}

TEST_CASE("the shipped profile of llama.cpp is what the shared table gives") {
  const char* folder = std::getenv("EPHEMERIS_SHARED_DATA");
  const std::string path =
      std::string(folder != nullptr ? folder : EPH_SOURCE_DIR "/../shared/data");
  if (!std::filesystem::exists(path + "/cpu/llama_bench_cpu.csv.gz")) {
    WARN("skipped: no measured llama-bench rows at " << path);
    return;
  }
  const auto catalog = shipped_catalog();
  std::vector<BenchRow> rows;
  for (const char* name : {"/cpu/llama_bench_cpu.csv.gz", "/cpu/llama_bench_gpu.csv.gz"}) {
    auto csv = CsvTable::load(path + name);
    REQUIRE(csv.has_value());
    const auto bench = read_bench_runs(std::move(*csv), catalog);
    REQUIRE(bench.has_value());
    rows.insert(rows.end(), bench->rows.begin(), bench->rows.end());
  }
  const auto shipped = models::load_step_profile(catalog.folder() + "/profiles/llamacpp-cpu.json");
  REQUIRE(shipped.has_value());
  const auto& profile = std::get<models::CpuProfile>(*shipped);
  const models::CpuProfile fit = fit_bench(rows, std::vector<bool>(rows.size(), true));
  REQUIRE(fit.kinds.size() == profile.kinds.size());
  for (std::size_t i = 0; i < fit.kinds.size(); ++i) {
    CHECK(fit.kinds[i].name == profile.kinds[i].name);
    CHECK(fit.kinds[i].core_bytes_per_s == Approx(profile.kinds[i].core_bytes_per_s).epsilon(0.02));
    CHECK(fit.kinds[i].core_flops_per_s == Approx(profile.kinds[i].core_flops_per_s).epsilon(0.02));
  }
}
