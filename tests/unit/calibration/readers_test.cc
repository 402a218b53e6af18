#include <catch2/catch.hpp>

#include "calibration/run_table.h"
#include "tests/unit/calibration/calibration_support.h"

using namespace eph;
using namespace eph::calibration;

TEST_CASE("a serving row is read with every field that the simulation needs") {
  const MeasuredRun run = read_one(
      "h-7,vllm,0.12.0,H100-SXM-80GB,Qwen/"
      "Qwen3-32B,bf16,agg,1024,128,16,4,1,,1,1,inferencemax,492.5,10.25,\"a, b\"\n");
  CHECK(run.id == "h-7");
  CHECK(run.engine == models::EngineKind::vllm);
  CHECK(run.engine_version == "0.12.0");
  CHECK(run.model == "Qwen/Qwen3-32B");
  CHECK(run.isl == 1024);
  CHECK(run.osl == 128);
  CHECK(run.concurrency == 16);
  CHECK(run.layout.tensor == 4);
  CHECK(run.layout.attention_data == 1);
  CHECK(run.protocol == Protocol::inferencemax);
  CHECK(run.measured[Figure::mean_ttft] == 492.5);
  CHECK(run.measured[Figure::mean_tpot] == 10.25);
  CHECK(run.source == "a, b");
  CHECK(run.line == 2);
}

// github.com/vllm-project/vllm/releases: 0.11.0 on 2025-10-02, 0.11.1 on 2025-11-18, 0.12.0 on
// 2025-12-03.
TEST_CASE("a dated row without a version is of the newest release of its day") {
  const auto versioned = [](const char* version, const char* day, const char* engine = "vllm") {
    const auto table = load_runs(write_temporary(
        "dated.csv",
        fmt::format(
            "engine,engine_version,gpu,model,weights_dtype,mode,isl,osl,concurrency,tp,protocol,"
            "measured_on,mean_ttft_ms,mean_tpot_ms\n{},{},h100-sxm,m,bf16,agg,8,8,1,1,inferencemax,"
            "{},9,9\n",
            engine, version, day)));
    REQUIRE(table);
    return table->runs.at(0);
  };
  CHECK(versioned("", "2025-10-29").engine_version == "0.11.0");
  CHECK(versioned("", "2025-11-17").engine_version == "0.11.0");
  CHECK(versioned("", "2025-11-18").engine_version == "0.11.1");
  CHECK(versioned("", "2025-10-29").note ==
        "version not recorded: taken as 0.11.0, the newest on 2025-10-29");
  CHECK(versioned("0.9.1", "2025-10-29").engine_version == "0.9.1");
  // Beyond the list of releases, without a day, of an engine without a list: not known.
  CHECK(versioned("", "2026-03-27").engine_version.empty());
  CHECK(versioned("", "").engine_version.empty());
  CHECK(versioned("", "2025-10-29", "sglang").engine_version.empty());
}

TEST_CASE("columns may come in another order, with others between") {
  const auto table = load_runs(write_temporary(
      "shuffled.csv",
      "mean_tpot_ms,colour,protocol,tp,concurrency,osl,isl,mode,weights_dtype,model,gpu,engine_"
      "version,engine\n"
      "7,red,burst,2,64,256,1024,agg,bf16,Qwen/Qwen3-32B,H100-SXM-80GB,0.5.1,sglang\n"));
  REQUIRE(table.has_value());
  CHECK(table->figures == std::vector<Figure>{Figure::mean_tpot});
  CHECK(table->runs[0].measured[Figure::mean_tpot] == 7.0);
  CHECK_FALSE(table->runs[0].measured[Figure::mean_ttft].has_value());
  CHECK(table->runs[0].concurrency == 64);
}

TEST_CASE("every bad cell is reported with file, line, column and value") {
  const std::string bad = serving_row("vllm", "m", "bf16", -5, 128, 16, 1, "burst") +
                          serving_row("vllm", "m", "bf16", 10, 128, 16, 1, "burst", "-3");
  const auto table = load_runs(write_temporary("bad.csv", kServingHeader + bad));
  REQUIRE_FALSE(table.has_value());
  const std::string text = table.error().text();
  CHECK(text.find("bad.csv:2: isl: -5 is below 1") != std::string::npos);
  CHECK(text.find("bad.csv:3: mean_ttft_ms: -3 is not above zero") != std::string::npos);
}

TEST_CASE("a cell that is no number is reported with its line") {
  const auto table = load_runs(write_temporary(
      "letters.csv",
      kServingHeader + std::string("x,vllm,,g,m,bf16,agg,ten,1,1,1,1,,1,1,burst,1,1,s\n")));
  REQUIRE_FALSE(table.has_value());
  CHECK(table.error().text().find("letters.csv:2") != std::string::npos);
  CHECK(table.error().text().find("ten") != std::string::npos);
}

TEST_CASE("a missing column is named") {
  const auto table = load_runs(write_temporary(
      "missing.csv",
      "engine,engine_version,gpu,model,weights_dtype,mode,isl,osl,concurrency,protocol\n"));
  REQUIRE_FALSE(table.has_value());
  CHECK(table.error().text().find("no column \"tp\"") != std::string::npos);
}

TEST_CASE("a table of another kind is refused with what would fit") {
  const auto table = load_runs(write_temporary("other.csv", "a,b\n1,2\n"));
  REQUIRE_FALSE(table.has_value());
  CHECK(table.error().text().find("fits no known table") != std::string::npos);
}

TEST_CASE("a disaggregated row needs no tensor parallelism") {
  const MeasuredRun run = read_one(
      "x,trtllm,1,H100-SXM-80GB,deepseek-ai/"
      "DeepSeek-R1,fp8,disagg,1024,1024,6,,,,,,inferencemax,1,1,s\n");
  CHECK(run.disaggregated);
}

TEST_CASE("a GuideLLM row is read with its strategy, stage and host") {
  const MeasuredRun run = read_one_sweep(
      "vllm,gcp,a3-x,NVIDIA H100 80GB "
      "HBM3,8,google/gemma-2-2b-it,chat,256,128,0.22.1,8,2048,bfloat16,throughput,"
      "196,48,10,1.0,90.5,11000,50.5,3.5\n");
  CHECK(run.protocol == Protocol::throughput);
  CHECK(run.host == "gcp a3-x");
  CHECK(run.concurrency == 196);
  CHECK(run.stage_s == 48);
  CHECK(run.ramp_s == 10);
  CHECK(run.max_model_len == 2048);
  CHECK(run.measured[Figure::ttft_p50] == 50.5);
  CHECK(run.measured[Figure::achieved_rps] == 90.5);
  CHECK(run.is_sweep());
}

TEST_CASE("a constant-rate row without a rate is an error of its line") {
  const auto table = load_runs(write_temporary(
      "norate.csv",
      kGuidellmHeader +
          std::string("vllm,c,i,g,1,m,chat,256,128,0.22.1,1,2048,bf16,constant,64,48,0,"
                      "0.5,,,5,1\n")));
  REQUIRE_FALSE(table.has_value());
  CHECK(table.error().text().find("norate.csv:2: constant strategy without achieved_rps") !=
        std::string::npos);
}

TEST_CASE("a maximum-throughput table is read as offline rows") {
  const auto table = load_runs(
      write_temporary("max.csv",
                      "trtllm_version,model,precision,gpu,tp,isl,osl,output_tok_s_total,note\n"
                      "1.0,Llama-3.1-8B,FP8,H100-SXM-80GB,1,128,2048,21109.38,\n"));
  REQUIRE(table.has_value());
  CHECK(table->runs[0].protocol == Protocol::offline);
  CHECK(table->runs[0].dtype == "fp8");
  CHECK(table->runs[0].measured[Figure::max_output_tps] == 21109.38);
}
